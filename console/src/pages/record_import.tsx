// SPDX-License-Identifier: Apache-2.0
// A file becomes records: picked, looked at, told where its columns go, tried, imported.
import { useRef, useState } from 'preact/hooks';
import { api, errorText } from '../lib/api';
import { bytes } from '../lib/format';
import { columnsProblem, type ImportTask, mapOf, pick, type Picked } from '../lib/imports';
import { recordTypeName } from '../lib/records';
import { setQuery, useQuery } from '../lib/router';
import { Button, Card, Empty, ErrorNote, Field, Head, SelectField, Skeleton, TextField } from '../ui/basic';
import { useRecordTypes, useWorkspace } from '../workspace';
import { ImportColumns, ImportLines } from './record_columns';
import { ImportProgress, RecentImports } from './record_progress';

const separators = [
    { value: ',', text: 'Comma' },
    { value: ';', text: 'Semicolon' },
    { value: '\t', text: 'Tab' },
    { value: '|', text: 'Pipe' },
];

const modes = [
    { value: 'upsert', text: 'Create new ones, update those that are there' },
    { value: 'create', text: 'Only create new ones' },
    { value: 'update', text: 'Only update those that are there' },
];

// Browsers read no file that was changed after it was chosen.
function reason(error: unknown): string {
    return error instanceof DOMException ? 'it was changed, or is gone, since it was chosen. Choose it once more' : errorText(error);
}

interface Options {
    mode: string;
    empty: string;
    tag: string;
}

export function ImportPage({ params }: { params: Record<string, string> }) {
    const { base, path, app } = useWorkspace();
    const name = params.type!;
    const types = useRecordTypes();
    const type = types.data?.find((t) => t.name === name);
    const running = useQuery().get('task');
    const [picked, setPicked] = useState<Picked | null>(null);
    const [options, setOptions] = useState<Options>({ mode: 'upsert', empty: 'keep', tag: '' });
    const [error, setError] = useState<string | null>(null);
    const [busy, setBusy] = useState<'dry' | 'real' | null>(null);
    const title = `Import ${recordTypeName(name).toLowerCase()}`;
    const list = `${base}/records/${encodeURIComponent(name)}`;
    const where = `${path}/record/${encodeURIComponent(name)}/import`;
    const input = useRef<HTMLInputElement>(null);
    const refuse = (why: unknown) => {
        setPicked(null);
        setError(`The file cannot be read: ${reason(why)}.`);
        if (input.current) input.current.value = ''; // the same one can be chosen again
    };
    const picks = useRef(0); // only what was asked for last counts
    const read = async (file: File, separator?: string) => {
        const mine = ++picks.current;
        setError(null);
        try {
            const found = await pick(file, type!, separator);
            if (mine === picks.current) setPicked(found);
        } catch (e) {
            if (mine === picks.current) refuse(e);
        }
    };
    const choose = (file: File | undefined) => {
        setQuery({ task: null });
        if (file && type) return void read(file);
        picks.current++;
        setError(null);
        setPicked(null);
    };
    const start = async (dry: boolean) => {
        if (!picked || !type) return;
        const wrong = picked.format === 'csv' ? columnsProblem(picked.columns, type.key, options.mode) : null;
        setError(wrong);
        if (wrong) return;
        setBusy(dry ? 'dry' : 'real');
        const from = location.pathname;
        try {
            await picked.file.slice(0, 1).arrayBuffer();
        } catch (e) {
            refuse(e);
            return setBusy(null);
        }
        try {
            const csv = picked.format === 'csv';
            const task = await api.upload<ImportTask>(where, picked.file, csv ? 'text/csv' : 'application/x-ndjson', {
                mode: options.mode,
                empty: csv ? options.empty : null,
                separator: csv ? picked.separator : null,
                map: mapOf(picked.columns),
                tag: options.tag.trim() || null,
                dry_run: dry,
                file: picked.file.name,
            });
            if (location.pathname === from) setQuery({ task: task.id });
        } catch (e) {
            setError(errorText(e));
        }
        setBusy(null);
    };
    const crumbs = [{ text: app?.name ?? '…' }, { to: list, text: recordTypeName(name) }, { text: 'Import' }];
    if (types.error !== undefined || !types.data || !type)
        return (
            <>
                <Head title={title} crumbs={crumbs} />
                {types.error !== undefined ? (
                    <ErrorNote error={types.error} retry={types.reload} />
                ) : (
                    <Card>{!types.data ? <Skeleton rows={4} /> : <Empty title="There is no such type of records here." />}</Card>
                )}
            </>
        );
    return (
        <>
            <Head title={title} crumbs={crumbs} />
            <Card title="File">
                <Field label="File to import" error={picked ? null : error} hint="CSV whose first line names the columns, or one JSON object per line; UTF-8. Nothing is imported before you say so.">
                    {(ids) => <input {...ids} type="file" accept=".csv,.tsv,.txt,.jsonl,.ndjson,text/csv,application/x-ndjson" ref={input} onChange={(e) => choose(e.currentTarget.files?.[0])} />}
                </Field>
            </Card>
            {picked && (
                <>
                    <Card title={picked.format === 'csv' ? 'Columns' : 'First lines'} flush>
                        {picked.format === 'csv' ? (
                            <ImportColumns picked={picked} type={type} onChange={(columns) => setPicked({ ...picked, columns })} />
                        ) : (
                            <ImportLines picked={picked} />
                        )}
                    </Card>
                    <Card title="Options">
                        <div class="stack import-options">
                            <div class="pair">
                                {type.key !== null && <SelectField label="Records" value={options.mode} options={modes} onChange={(mode) => setOptions({ ...options, mode })} hint={`By “${type.key}”, which names them.`} />}
                                <TextField label="Tag for all of them" optional value={options.tag} onInput={(tag) => setOptions({ ...options, tag })} />
                            </div>
                            {picked.format === 'csv' && (
                                <div class="pair">
                                    <SelectField
                                        label="Empty cells"
                                        value={options.empty}
                                        options={[
                                            { value: 'keep', text: 'Leave the field as it is' },
                                            { value: 'clear', text: 'Take the field away' },
                                        ]}
                                        onChange={(empty) => setOptions({ ...options, empty })}
                                    />
                                    <SelectField label="Separator" value={picked.separator} options={separators} onChange={(separator) => void read(picked.file, separator)} />
                                </div>
                            )}
                            {error && (
                                <p class="field-error" role="alert">
                                    {error}
                                </p>
                            )}
                            <div class="row">
                                <Button busy={busy === 'dry'} disabled={busy !== null} onClick={() => void start(true)}>
                                    Check the file
                                </Button>
                                <Button kind="primary" busy={busy === 'real'} disabled={busy !== null} onClick={() => void start(false)}>
                                    Import
                                </Button>
                                <span class="muted small-text">
                                    {picked.file.name}, {bytes(picked.file.size)}
                                </span>
                            </div>
                        </div>
                    </Card>
                </>
            )}
            {running && <ImportProgress key={running} where={where} id={running} list={list} />}
            <RecentImports type={name} list={`${list}/import`} />
        </>
    );
}
