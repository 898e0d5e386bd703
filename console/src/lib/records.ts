// SPDX-License-Identifier: Apache-2.0
// Records as people read them. Their data is text to us: parsing it would change numbers.
import { api } from './api';
import { memberText } from './jsontext';

export interface JsonSchema {
    type?: unknown;
    properties?: Record<string, JsonSchema>;
}

export interface RecordType {
    name: string;
    key: string | null;
    schema: JsonSchema | null;
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

// What records of a type have in most workspaces, and is suggested.
export const commonFields: Record<string, string[]> = { contact: ['email', 'name', 'phone', 'company'], deal: ['name', 'stage', 'value'], booking: ['name', 'status'] };

export const noRecordTypes = 'Types of records come with the profile of the workspace, such as contacts with “myra”; your operator can add others.';

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

export async function loadRecord(path: string, signal: AbortSignal): Promise<{ record: RecordOut; data: string }> {
    const text = await api.text(path, { signal });
    return { record: JSON.parse(text) as RecordOut, data: memberText(text, 'data') ?? '{}' };
}
