// SPDX-License-Identifier: Apache-2.0
// Records as people read them. Their data is text to us: parsing it would change numbers.
import { api } from './api';

export interface RecordType {
    name: string;
    key: string | null;
    builtin: boolean;
}

export interface RecordOut {
    id: string;
    key: string | null;
    data: Record<string, unknown>;
    tags: string[];
    version: number;
    createdAt: string;
    updatedAt: string;
}

// "knowledge_item" → "Knowledge items"
export function recordTypeName(name: string): string {
    const words = name.replace(/[_.-]+/g, ' ').replace(/([^aeiou])y$/, '$1ie');
    return `${words[0]?.toUpperCase() ?? ''}${words.slice(1)}s`;
}

export function recordLabel(r: RecordOut): string {
    return r.key ?? (typeof r.data.name === 'string' && r.data.name !== '' ? r.data.name : r.id);
}

const SHOWN = 4;

// The first few members that are short.
export function plainRecord(r: RecordOut, key: string | null): string {
    return Object.entries(r.data)
        .filter(([name, v]) => name !== key && v !== null && typeof v !== 'object')
        .slice(0, SHOWN)
        .map(([name, v]) => `${name}: ${String(v).slice(0, 60)}`)
        .join(' · ');
}

// Where a value of a JSON text that begins at `at` ends.
function valueEnd(text: string, at: number): number {
    let depth = 0;
    for (let i = at; i < text.length; i++) {
        const c = text[i]!;
        if (c === '"') {
            for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
            if (depth === 0) return i + 1;
        } else if (c === '{' || c === '[') {
            depth++;
        } else if (c === '}' || c === ']') {
            if (depth === 0) return i;
            if (--depth === 0) return i + 1;
        } else if (c === ',' && depth === 0) {
            return i;
        }
    }
    return text.length;
}

// The text of a member of a JSON object, as it stands there.
export function memberText(text: string, name: string): string | null {
    let i = text.indexOf('{') + 1;
    while (i > 0 && i < text.length) {
        while (/[\s,]/.test(text[i] ?? '')) i++;
        if (text[i] !== '"') return null;
        const nameEnd = valueEnd(text, i);
        const found = text.slice(i + 1, nameEnd - 1) === name;
        i = text.indexOf(':', nameEnd) + 1;
        while (/\s/.test(text[i] ?? '')) i++;
        const end = valueEnd(text, i);
        if (found) return text.slice(i, end);
        i = end;
    }
    return null;
}

// The texts of the items of a JSON array.
export function itemTexts(text: string): string[] {
    const out: string[] = [];
    let i = text.indexOf('[') + 1;
    while (i > 0 && i < text.length) {
        while (/[\s,]/.test(text[i] ?? '')) i++;
        if (text[i] === ']' || i >= text.length) break;
        const end = valueEnd(text, i);
        out.push(text.slice(i, end).trimEnd());
        i = end;
    }
    return out;
}

// Without the white space that is for reading.
export function compact(text: string): string {
    return text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (_, quoted?: string) => quoted ?? '');
}

export async function loadRecord(path: string, signal: AbortSignal): Promise<{ record: RecordOut; data: string }> {
    const text = await api.text(path, { signal });
    return { record: JSON.parse(text) as RecordOut, data: memberText(text, 'data') ?? '{}' };
}
