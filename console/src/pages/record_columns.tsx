// SPDX-License-Identifier: Apache-2.0
// What a file holds, and where its columns go.
import { type CellKind, type Column, kindWords, type Picked } from '../lib/imports';
import type { RecordType } from '../lib/records';

const kinds = Object.entries(kindWords).map(([value, text]) => ({ value: value as CellKind, text }));

function short(text: string): string {
    return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function ColumnRow({ column, type, onChange }: { column: Column; type: RecordType; onChange: (c: Column) => void }) {
    const goes = column.kind !== 'skip' && column.kind !== 'tags';
    return (
        <tr>
            <td class="main">
                <strong class="wrap">{column.name || <span class="muted">No name</span>}</strong>
            </td>
            <td data-label="First values">
                <span class="muted small-text wrap">{column.examples.map(short).join(' · ') || '–'}</span>
            </td>
            <td data-label="Field">
                {goes ? (
                    <div class="grow">
                        <input class="mono" aria-label={`Field for ${column.name}`} value={column.field} spellcheck={false} onInput={(e) => onChange({ ...column, field: e.currentTarget.value })} />
                        {type.key !== null && column.field.trim() === type.key && <div class="hint">Names the record</div>}
                    </div>
                ) : (
                    <span class="muted">{column.kind === 'tags' ? 'The record’s tags' : '–'}</span>
                )}
            </td>
            <td data-label="Kind">
                <select
                    aria-label={`Kind of ${column.name}`}
                    value={column.kind}
                    disabled={column.name === ''}
                    onChange={(e) => onChange({ ...column, kind: e.currentTarget.value as CellKind, field: column.field || column.name })}
                >
                    {kinds.map((k) => (
                        <option key={k.value} value={k.value}>
                            {k.text}
                        </option>
                    ))}
                </select>
            </td>
        </tr>
    );
}

export function ImportColumns({ picked, type, onChange }: { picked: Picked; type: RecordType; onChange: (columns: Column[]) => void }) {
    return (
        <>
            <table class="cards import-columns">
                <thead>
                    <tr>
                        <th scope="col">Column</th>
                        <th scope="col">First values</th>
                        <th scope="col">Field</th>
                        <th scope="col">Kind</th>
                    </tr>
                </thead>
                <tbody>
                    {picked.columns.map((c, i) => (
                        <ColumnRow key={i} column={c} type={type} onChange={(to) => onChange(picked.columns.map((old, k) => (k === i ? to : old)))} />
                    ))}
                </tbody>
            </table>
            <p class="hint import-hint">A dot goes into a field: “address.city” is “city” within “address”. Text stays as it is, also “007”.</p>
        </>
    );
}

export function ImportLines({ picked }: { picked: Picked }) {
    return (
        <div class="code import-lines">
            <pre tabIndex={0} role="group" aria-label="First lines">
                <code>{picked.rows.map(([line]) => (line!.length > 400 ? `${line!.slice(0, 400)}…` : line)).join('\n')}</code>
            </pre>
        </div>
    );
}
