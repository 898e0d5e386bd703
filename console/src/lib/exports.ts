// SPDX-License-Identifier: Apache-2.0
// Records as a file, page by page. What it holds can be imported again: values are never parsed, so numbers stay as they are.
import { api, url } from './api';
import { csvCell } from './csv';
import { compact, itemTexts, members, memberText } from './jsontext';

export type ExportFormat = 'csv' | 'jsonl';
type Query = Record<string, string | null>;

// Calls `take` with the texts of the records of each page, in the order in which they were made.
async function eachPage(path: string, query: Query, signal: AbortSignal, take: (records: string[]) => void): Promise<void> {
    for (let iterator: string | null = null, done = false; !done; ) {
        const asked = url(path, { ...query, order: 'ascending', limit: 250, iterator }).slice('/api/v1'.length);
        const text = await api.text(asked, { signal });
        take(itemTexts(memberText(text, 'data') ?? '[]'));
        iterator = JSON.parse(memberText(text, 'iterator') ?? 'null') as string | null;
        done = memberText(text, 'done') === 'true' || iterator === null;
    }
}

// Fields within fields as names with dots; lists stay JSON.
function flat(text: string, before: string, into: Map<string, string>): void {
    for (const [name, value] of members(text)) {
        if (value.startsWith('{') && members(value).length > 0) flat(value, `${before}${name}.`, into);
        else if (value !== 'null') into.set(before + name, value.startsWith('"') ? (JSON.parse(value) as string) : compact(value));
    }
}

function tagsCell(record: string): string {
    const tags = JSON.parse(memberText(record, 'tags') ?? '[]') as string[];
    return tags.some((t) => /[,;[]/.test(t)) ? JSON.stringify(tags) : tags.join(', ');
}

function numberOrText(cell: string): string {
    return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(cell) ? cell : csvCell(cell);
}

export async function exportRecords(path: string, query: Query, format: ExportFormat, signal: AbortSignal, onCount: (n: number) => void): Promise<Blob> {
    const lines: string[] = [];
    const rows: { cells: Map<string, string>; tags: string }[] = [];
    const columns = new Set<string>();
    await eachPage(path, query, signal, (records) => {
        for (const record of records) {
            if (format === 'jsonl') {
                lines.push(`${compact(record)}\n`);
                continue;
            }
            const cells = new Map<string, string>();
            flat(memberText(record, 'data') ?? '{}', '', cells);
            for (const name of cells.keys()) columns.add(name);
            rows.push({ cells, tags: tagsCell(record) });
        }
        onCount(lines.length + rows.length);
    });
    if (format === 'jsonl') return new Blob(lines, { type: 'application/x-ndjson' });
    const names = [...columns];
    const head = `${[...names.map(csvCell), 'tags'].join(',')}\r\n`;
    const out = rows.map((r) => `${[...names.map((n) => numberOrText(r.cells.get(n) ?? '')), csvCell(r.tags)].join(',')}\r\n`);
    // The mark tells spreadsheets that it is UTF-8.
    return new Blob(['\ufeff', head, ...out], { type: 'text/csv' });
}

export function save(blob: Blob, name: string): void {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
