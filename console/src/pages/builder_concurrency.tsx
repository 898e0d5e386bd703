// SPDX-License-Identifier: Apache-2.0
// How many runs of the automation may be at work at a time.
import { TextField } from '../ui/basic';
import { useBuilder } from './builder_state';

export function Concurrency() {
    const { draft, edit, problems } = useBuilder();
    return (
        <TextField
            label="Runs at a time"
            optional
            inputMode="numeric"
            value={draft.concurrency}
            onInput={(concurrency) => edit((d) => ({ ...d, concurrency }))}
            error={problems.concurrency}
            hint="1: one after the other. Runs that wait do not count. Nothing means no limit."
        />
    );
}
