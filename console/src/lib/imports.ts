// SPDX-License-Identifier: Apache-2.0
// Importing records: what a file holds, where its columns go, and what becomes of it.
import { readCsv, separatorOf } from './csv';
import { commonFields, type JsonSchema, type RecordType } from './records';
import type { Task } from './types';

export type CellKind = 'text' | 'number' | 'boolean' | 'json' | 'tags' | 'skip';
export const kindWords: Record<CellKind, string> = { text: 'Text', number: 'Number', boolean: 'Yes or no', json: 'JSON', tags: 'Tags', skip: 'Leave out' };

export interface Column {
    name: string;
    examples: string[];
    field: string;
    kind: CellKind;
    // As the server has it without being told.
    usual: { field: string; kind: CellKind };
}

export interface Picked {
    file: File;
    format: 'csv' | 'jsonl';
    separator: string;
    columns: Column[];
    rows: string[][]; // the first ones; of JSON lines one cell each
}

export interface ImportTask extends Task {
    data: {
        type: string;
        file: string | null;
        dryRun: boolean;
        rows: number;
        processed: number;
        created: number;
        updated: number;
        unchanged: number;
        skipped: number;
        failed: number;
        percent: number;
        canceled?: boolean;
        error?: string;
        errors?: { line: number; key: string | null; reason: string }[];
    };
}

const LOOK_BYTES = 256 * 1024;
const ROWS_SHOWN = 5;

// The names between the dots, as the server cuts a header: only where all are plain.
function pathOf(name: string): string[] {
    const parts = name.split('.');
    return parts.length <= 8 && parts.every((p) => /^[\w-]+$/.test(p)) ? parts : [name];
}

function kindBySchema(schema: JsonSchema | null, path: string[]): CellKind {
    let at: JsonSchema | undefined = schema ?? undefined;
    for (const part of path) at = at?.properties?.[part];
    if (at?.type === 'number' || at?.type === 'integer') return 'number';
    if (at?.type === 'boolean') return 'boolean';
    return at?.type === 'object' || at?.type === 'array' ? 'json' : 'text';
}

const plain = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
const sameAsKey: Record<string, string[]> = { email: ['email', 'emailaddress', 'mail', 'mailaddress'] };

// The field that records of the type have under this name but for capitals and signs: “Name” goes to “name”.
function knownField(type: RecordType, name: string, all: string[]): string | undefined {
    const known = [...Object.keys(type.schema?.properties ?? {}), ...(commonFields[type.name] ?? [])].filter((k) => k !== type.key);
    const found = known.find((k) => plain(k) === plain(name));
    return found !== undefined && !all.includes(found) && all.find((n) => plain(n) === plain(name)) === name ? found : undefined;
}

const isTags = (name: string) => name.toLowerCase() === 'tags';

function columnOf(type: RecordType, name: string, all: string[], tags: boolean, examples: string[]): Column {
    const usual: Column['usual'] = name === '' ? { field: '', kind: 'skip' } : tags ? { field: '', kind: 'tags' } : { field: name, kind: kindBySchema(type.schema, pathOf(name)) };
    const key = type.key;
    const isKey = key !== null && !all.includes(key) && (sameAsKey[key] ?? [plain(key)]).includes(plain(name)) && all.findIndex((n) => (sameAsKey[key] ?? [plain(key)]).includes(plain(n))) === all.indexOf(name);
    const field = isKey ? key : usual.kind === 'skip' || usual.kind === 'tags' ? undefined : knownField(type, name, all);
    return { name, examples, usual, field: field ?? usual.field, kind: field !== undefined ? kindBySchema(type.schema, [field]) : usual.kind };
}

// The beginning of a file. What is no text in UTF-8 is said here: the server would only refuse each row.
async function beginning(file: File): Promise<string> {
    let text: string;
    try {
        text = new TextDecoder('utf-8', { fatal: true }).decode(await file.slice(0, LOOK_BYTES).arrayBuffer(), { stream: file.size > LOOK_BYTES });
    } catch {
        text = '\0';
    }
    if (/[\0-\x08\x0e-\x1f]/.test(text)) throw new Error('it is no text in UTF-8. In Excel, Numbers or Google Sheets, save or export it as CSV (UTF-8), and choose that file');
    if (text.trim() === '') throw new Error('it is empty');
    return text;
}

export async function pick(file: File, type: RecordType, given?: string): Promise<Picked> {
    const text = await beginning(file);
    const jsonl = /\.(jsonl|ndjson)$/i.test(file.name) || (!/\.(csv|tsv|txt)$/i.test(file.name) && text.trimStart().startsWith('{'));
    if (jsonl) {
        const lines = text.split('\n').map((l) => l.trim());
        return { file, format: 'jsonl', separator: '', columns: [], rows: lines.filter((l) => l !== '').slice(0, ROWS_SHOWN).map((l) => [l]) };
    }
    const separator = given ?? separatorOf(text);
    const [header = [], ...rows] = readCsv(text, separator, ROWS_SHOWN + 1, file.size <= LOOK_BYTES);
    const names = header.map((n) => n.trim());
    const tags = names.map(isTags).lastIndexOf(true); // others of the name are fields
    const columns = names.map((name, i) => columnOf(type, name, names, i === tags, rows.map((r) => r[i] ?? '').filter((c) => c.trim() !== '').slice(0, 2)));
    return { file, format: 'csv', separator, columns, rows };
}

// What the request says of the columns; nothing of those that stay as they usually are. Of two with the same name both are named, in
// their order.
export function mapOf(columns: Column[]): string[] {
    const twice = (name: string) => columns.filter((c) => c.name === name).length > 1;
    return columns
        .filter((c) => c.name !== '' && (twice(c.name) || c.kind !== c.usual.kind || (c.kind !== 'skip' && c.kind !== 'tags' && c.field.trim() !== c.usual.field)))
        .map((c) => (c.kind === 'skip' ? `${c.name}:` : c.kind === 'tags' ? `${c.name}::tags` : `${c.name}:${c.field.trim()}:${c.kind}`));
}

// What can be said before the server is asked.
export function columnsProblem(columns: Column[], key: string | null, mode: string): string | null {
    const told = columns.filter((c) => c.kind !== 'skip' && c.kind !== 'tags');
    const bare = told.find((c) => c.field.trim() === '');
    if (bare) return `Say where “${bare.name}” goes, or leave it out.`;
    const fields = told.map((c) => c.field.trim());
    const twice = fields.find((f, i) => fields.indexOf(f) !== i);
    if (twice !== undefined) return `Two columns go to “${twice}”.`;
    if (key !== null && mode !== 'create' && !fields.includes(key)) return `No column goes to “${key}”, which names the records.`;
    return told.length === 0 ? 'Every column is left out.' : null;
}
