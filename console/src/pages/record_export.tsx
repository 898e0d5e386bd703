// SPDX-License-Identifier: Apache-2.0
// The records that are listed, as a file.
import { useEffect, useRef, useState } from 'preact/hooks';
import { errorText, isAbort } from '../lib/api';
import { type ExportFormat, exportRecords, save } from '../lib/exports';
import { count } from '../lib/format';
import { Button, Choices } from '../ui/basic';
import { Dialog } from '../ui/dialog';

export function ExportDialog({ where, query, name, onClose }: { where: string; query: Record<string, string | null>; name: string; onClose: () => void }) {
    const [format, setFormat] = useState<ExportFormat>('csv');
    const [done, setDone] = useState<number | null>(null);
    const [error, setError] = useState<string | null>(null);
    const run = useRef<AbortController | null>(null);
    useEffect(() => () => run.current?.abort(), []);
    const start = async () => {
        const abort = new AbortController();
        run.current = abort;
        setError(null);
        setDone(0);
        try {
            save(await exportRecords(where, query, format, abort.signal, setDone), `${name}.${format}`);
            onClose();
        } catch (e) {
            if (isAbort(e)) return;
            setError(errorText(e));
            setDone(null);
        }
    };
    const narrowed = Object.values(query).some((v) => v);
    return (
        <Dialog title="Export records" onClose={onClose}>
            <div class="dialog-body stack">
                <p>{narrowed ? 'The records that fit the filters, all pages of them.' : 'All records of this type.'} The file can be imported again.</p>
                <Choices
                    label="Format"
                    value={format}
                    onChange={setFormat}
                    options={[
                        { value: 'csv', text: 'CSV' },
                        { value: 'jsonl', text: 'JSON lines' },
                    ]}
                />
                <p class="hint">{format === 'csv' ? 'For spreadsheets: a column for each field.' : 'One JSON object per line, with ids, tags and times.'}</p>
                {error && (
                    <p class="field-error" role="alert">
                        {error}
                    </p>
                )}
                <p class="muted" role="status">
                    {done !== null && `${count(done)} so far…`}
                </p>
            </div>
            <div class="dialog-foot">
                <Button onClick={onClose}>Cancel</Button>
                <Button kind="primary" busy={done !== null} onClick={() => void start()}>
                    Export
                </Button>
            </div>
        </Dialog>
    );
}
