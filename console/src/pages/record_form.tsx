// SPDX-License-Identifier: Apache-2.0
// The data of a record, as JSON to edit.
import { useState } from 'preact/hooks';
import { ApiError, errorText } from '../lib/api';
import { compact } from '../lib/jsontext';
import { Button, Field } from '../ui/basic';
import { Dialog } from '../ui/dialog';

interface Props {
    title: string;
    action: string;
    initial: string;
    onClose: () => void;
    onSave: (data: string) => Promise<void>;
}

function problemOf(text: string): string | null {
    try {
        const parsed: unknown = JSON.parse(text);
        return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? null : 'It must be a JSON object: { … }';
    } catch (e) {
        return `This is no JSON: ${errorText(e)}`;
    }
}

function places(error: unknown): string {
    if (error instanceof ApiError && error.status === 412) return 'Somebody else changed this record meanwhile, so nothing was saved. Copy your text, close this and edit the record as it is now.';
    if (!(error instanceof ApiError) || error.problems.length === 0) return errorText(error);
    return error.problems.map((p) => `${p.loc[2]?.slice(1).replaceAll('/', '.') || p.loc[1] || 'data'} ${p.msg}`).join('; ');
}

export function RecordDialog({ title, action, initial, onClose, onSave }: Props) {
    const [text, setText] = useState(initial);
    const [error, setError] = useState<string | null>(null);
    const [busy, setBusy] = useState(false);
    const save = async (event: Event) => {
        event.preventDefault();
        const wrong = problemOf(text);
        setError(wrong);
        if (wrong) return;
        setBusy(true);
        try {
            await onSave(compact(text));
        } catch (e) {
            setError(places(e));
            setBusy(false);
        }
    };
    return (
        <Dialog title={title} onClose={onClose} wide>
            <form onSubmit={(e) => void save(e)}>
                <div class="dialog-body">
                    <Field label="Data" error={error} hint="A JSON object.">
                        {(ids) => <textarea {...ids} class="mono" rows={16} spellcheck={false} value={text} onInput={(e) => setText(e.currentTarget.value)} />}
                    </Field>
                </div>
                <div class="dialog-foot">
                    <Button onClick={onClose}>Cancel</Button>
                    <Button kind="primary" type="submit" busy={busy}>
                        {action}
                    </Button>
                </div>
            </form>
        </Dialog>
    );
}
