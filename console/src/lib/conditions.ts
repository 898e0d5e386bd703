// SPDX-License-Identifier: Apache-2.0
// Conditions as one edits them: groups of tests and groups.
import type { Condition } from './automations';
import type { JsonValue } from './json';

let last = 0;
export function newKey(): number {
    return ++last;
}

export type Match = 'all' | 'any' | 'none';
export interface Group {
    kind: 'group';
    key: number;
    match: Match;
    items: Cond[];
}
export interface Test {
    kind: 'test';
    key: number;
    value: string;
    op: string;
    with: string;
}
export type Cond = Group | Test;

export const operators: { value: string; text: string; alone?: boolean }[] = [
    { value: 'eq', text: 'is' },
    { value: 'ne', text: 'is not' },
    { value: 'contains', text: 'contains' },
    { value: 'starts_with', text: 'starts with' },
    { value: 'gt', text: 'is more than' },
    { value: 'gte', text: 'is at least' },
    { value: 'lt', text: 'is less than' },
    { value: 'lte', text: 'is at most' },
    { value: 'in', text: 'is one of' },
    { value: 'exists', text: 'is there', alone: true },
    { value: 'missing', text: 'is not there', alone: true },
];

export const newTest = (): Test => ({ kind: 'test', key: newKey(), value: '', op: 'eq', with: '' });
export const newGroup = (match: Match, items: Cond[] = [newTest()]): Group => ({ kind: 'group', key: newKey(), match, items });

const textOf = (v: unknown): string => (typeof v === 'string' ? v : v === undefined ? '' : JSON.stringify(v));

function testsOf(c: Condition): Cond[] {
    return Object.entries(c)
        .filter(([name]) => name !== 'value')
        .map(([op, w]) => ({
            kind: 'test',
            key: newKey(),
            value: textOf(c.value),
            op: op === 'exists' && w === false ? 'missing' : op,
            with: op === 'exists' ? '' : op === 'in' && Array.isArray(w) ? w.map(textOf).join(', ') : textOf(w),
        }));
}

function read(c: Condition): Cond {
    for (const match of ['all', 'any'] as const) if (Array.isArray(c[match])) return newGroup(match, (c[match] as Condition[]).map(read));
    if (c.not) {
        const inner = read(c.not as Condition);
        return inner.kind === 'group' && inner.match === 'any' ? { ...inner, match: 'none' } : newGroup('none', [inner]);
    }
    const tests = testsOf(c);
    return tests.length === 1 ? tests[0]! : newGroup('all', tests);
}

// The outermost is always a group.
export function condOf(c: Condition | null | undefined): Group {
    if (!c || Object.keys(c).length === 0) return newGroup('all');
    const read1 = read(c);
    return read1.kind === 'group' ? read1 : newGroup('all', [read1]);
}

function testOut(t: Test): Condition {
    if (t.op === 'exists' || t.op === 'missing') return { value: t.value, exists: t.op === 'exists' };
    const list = /^\s*\{\{[^}]*\}\}\s*$/.test(t.with) ? t.with : (t.with.split(',').map((w) => w.trim()) as JsonValue);
    return { value: t.value, [t.op]: t.op === 'in' ? list : t.with };
}

// null: there is nothing in it.
export function conditionOf(c: Cond): Condition | null {
    if (c.kind === 'test') return c.value.trim() === '' ? null : testOut(c);
    const items = c.items.map(conditionOf).filter((i): i is Condition => i !== null);
    if (items.length === 0) return null;
    if (c.match === 'none') return { not: items.length === 1 ? items[0]! : { any: items } };
    return items.length === 1 ? items[0]! : { [c.match]: items };
}

// "order.total is more than 100 and …", for the card of a branch.
export function conditionWords(c: Cond): string {
    if (c.kind === 'test') {
        const op = operators.find((o) => o.value === c.op);
        const short = c.value.replace(/\{\{\s*(?:trigger\.body\.)?([^}|]*?)\s*(\|[^}]*)?\}\}/g, '$1');
        return `${short || '…'} ${op?.text ?? c.op}${op?.alone ? '' : ` ${c.with || '…'}`}`;
    }
    const words = c.items.map((i) => (i.kind === 'group' && i.items.length > 1 ? `(${conditionWords(i)})` : conditionWords(i)));
    return c.match === 'none' ? `not ${words.join(' or ')}` : words.join(c.match === 'all' ? ' and ' : ' or ');
}
