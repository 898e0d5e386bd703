// SPDX-License-Identifier: Apache-2.0
// The steps of an automation while they are edited: nodes with keys of their own, objects as rows, conditions as a tree.
import type { Condition, Step } from './automations';
import { type Cond, condOf, conditionOf, newKey } from './conditions';
import { exactNumbers, type JsonValue } from './json';

export interface Row {
    key: number;
    name: string;
    value: string;
}

// An object whose values are texts, as rows; any other JSON, or a text that is sent as it is, as its text.
export type Fields = { mode: 'rows'; rows: Row[] } | { mode: 'json'; text: string } | { mode: 'text'; text: string };

export interface Arm {
    key: number;
    name: string;
    when: Cond;
    nodes: Node[];
}

export interface Node {
    key: number;
    id: string;
    type: string;
    name: string;
    texts: Record<string, string>; // plain members
    fields: Record<string, Fields>; // those that are objects
    where: Cond | null; // of a wait for an event
    events: string[]; // that are waited for
    retries: number[] | null; // null: as usual
    goesOn: boolean;
    arms: Arm[];
    otherwise: Node[];
}

// Which members of a step are objects.
const objects = new Set(['set', 'payload', 'input', 'headers', 'body']);

// A value that is no text as an expression that has it.
function textOf(v: JsonValue): string {
    return typeof v === 'string' ? v : `{{ ${JSON.stringify(v)} }}`;
}

export function fieldsOf(v: JsonValue | undefined): Fields {
    if (typeof v === 'string') return { mode: 'text', text: v };
    if (v === undefined || v === null) return { mode: 'rows', rows: [] };
    const plain = typeof v === 'object' && !Array.isArray(v) && Object.values(v).every((m) => m === null || typeof m !== 'object');
    if (!plain) return { mode: 'json', text: JSON.stringify(v, null, 2) };
    return { mode: 'rows', rows: Object.entries(v as Record<string, JsonValue>).map(([name, m]) => ({ key: newKey(), name, value: textOf(m) })) };
}

export function rowsOf(...pairs: [string, string][]): Fields {
    return { mode: 'rows', rows: pairs.map(([name, value]) => ({ key: newKey(), name, value })) };
}

export function objectOf(f: Fields): JsonValue {
    if (f.mode === 'text') return f.text;
    if (f.mode === 'json') return JSON.parse(exactNumbers(f.text)) as JsonValue;
    return Object.fromEntries(f.rows.filter((r) => r.name.trim() !== '').map((r) => [r.name.trim(), r.value]));
}

export function emptyNode(type: string): Node {
    return { key: newKey(), id: '', type, name: '', texts: {}, fields: {}, where: null, events: [], retries: null, goesOn: false, arms: [], otherwise: [] };
}

export function newArm(): Arm {
    return { key: newKey(), name: '', when: condOf(undefined), nodes: [] };
}

export function nodesOf(steps: Step[]): Node[] {
    return steps.map((s) => {
        const node = { ...emptyNode(s.type), id: s.id, name: s.name ?? '' };
        for (const [name, v] of Object.entries(s)) {
            if (v === null || ['id', 'type', 'name', 'branches', 'else'].includes(name)) continue;
            if (name === 'where') node.where = condOf(v as Condition);
            else if (name === 'event' && s.type === 'wait') node.events = Array.isArray(v) ? (v as string[]) : [String(v)];
            else if (name === 'retrySchedule') node.retries = v as number[];
            else if (name === 'onError') node.goesOn = v === 'continue';
            else if (objects.has(name)) node.fields[name] = fieldsOf(v as JsonValue);
            else node.texts[name] = String(v);
        }
        for (const b of (s.branches as { name?: string; when: Condition; steps?: Step[] }[] | undefined) ?? []) node.arms.push({ key: newKey(), name: b.name ?? '', when: condOf(b.when), nodes: nodesOf(b.steps ?? []) });
        node.otherwise = nodesOf((s.else as Step[] | null | undefined) ?? []);
        return node;
    });
}

// What may be left out when it is empty.
const optional = new Set(['key', 'record', 'target', 'reentry', 'method', 'timeoutMs', 'timeout', 'text', 'html', 'for', 'until']);
const needed: Record<string, string[]> = { upsert_record: ['record'], update_record: ['target'], add_tag: ['target'], remove_tag: ['target'], stop_sequence: ['target'] };

export function stepOf(n: Node): Step {
    const step: Step = { id: n.id, type: n.type };
    if (n.name.trim()) step.name = n.name.trim();
    for (const [name, text] of Object.entries(n.texts)) {
        if (text === '' && optional.has(name) && !needed[n.type]?.includes(name)) continue;
        step[name] = name === 'timeoutMs' ? Number(text) : text;
    }
    for (const [name, f] of Object.entries(n.fields)) {
        const may = name === 'input' || name === 'headers' || name === 'body';
        if (may && ((f.mode === 'rows' && f.rows.every((r) => r.name.trim() === '')) || (f.mode !== 'rows' && f.text.trim() === ''))) continue;
        step[name] = objectOf(f);
    }
    if (n.type === 'wait' && n.events.length > 0) step.event = n.events.length === 1 ? n.events[0]! : n.events;
    const where = n.where && conditionOf(n.where);
    if (where) step.where = where;
    if (n.retries) step.retrySchedule = n.retries;
    if (n.goesOn) step.onError = 'continue';
    if (n.type === 'branch') {
        step.branches = n.arms.map((a) => ({ ...(a.name.trim() ? { name: a.name.trim() } : {}), when: conditionOf(a.when) ?? {}, steps: stepsOf(a.nodes) }));
        if (n.otherwise.length > 0) step.else = stepsOf(n.otherwise);
    }
    return step;
}

export function stepsOf(nodes: Node[]): Step[] {
    return nodes.map(stepOf);
}

// ---- lists: "root", "KEY:ARM", "KEY:else" ----

export type ListId = string;

function mapLists(n: Node, fn: (list: Node[], id: ListId) => Node[]): Node {
    if (n.type !== 'branch') return n;
    const arms = n.arms.map((a) => ({ ...a, nodes: fn(a.nodes, `${n.key}:${a.key}`) }));
    return { ...n, arms, otherwise: fn(n.otherwise, `${n.key}:else`) };
}

export function mapList(nodes: Node[], id: ListId, fn: (list: Node[]) => Node[], here: ListId = 'root'): Node[] {
    if (here === id) return fn(nodes);
    return nodes.map((n) => mapLists(n, (list, below) => mapList(list, id, fn, below)));
}

export function mapNode(nodes: Node[], key: number, fn: (n: Node) => Node): Node[] {
    return nodes.map((n) => (n.key === key ? fn(n) : mapLists(n, (list) => mapNode(list, key, fn))));
}

export function without(nodes: Node[], key: number): Node[] {
    return nodes.filter((n) => n.key !== key).map((n) => mapLists(n, (list) => without(list, key)));
}

export function moved(nodes: Node[], key: number, by: -1 | 1): Node[] {
    const at = nodes.findIndex((n) => n.key === key);
    if (at < 0) return nodes.map((n) => mapLists(n, (list) => moved(list, key, by)));
    const to = at + by;
    if (to < 0 || to >= nodes.length) return nodes;
    const out = [...nodes];
    [out[at], out[to]] = [out[to]!, out[at]!];
    return out;
}

// Taken out of where it is and put into a list, before what is at this index now. Into itself it cannot be put.
export function movedTo(nodes: Node[], key: number, list: ListId, index: number): Node[] {
    const node = walk(nodes).find((w) => w.node.key === key)?.node;
    if (!node || walk([node]).some((w) => list.startsWith(`${w.node.key}:`))) return nodes;
    const hole = { ...emptyNode(''), key: -1 };
    const rest = mapNode(nodes, key, () => hole);
    return without(
        mapList(rest, list, (l) => [...l.slice(0, index), node, ...l.slice(index)]),
        hole.key,
    );
}

// All of them in the order in which they stand, with the path that the API calls them by.
export function walk(nodes: Node[], at = ''): { node: Node; path: string }[] {
    return nodes.flatMap((node, i) => {
        const path = `${at}${i}`;
        return [
            { node, path },
            ...node.arms.flatMap((a, k) => walk(a.nodes, `${path}.branches.${k}.steps.`)),
            ...walk(node.otherwise, `${path}.else.`),
        ];
    });
}

// Those that have run, or may have, when this one begins; null: it is not in this list.
export function before(nodes: Node[], key: number): Node[] | null {
    const out: Node[] = [];
    for (const n of nodes) {
        if (n.key === key) return out;
        for (const list of [...n.arms.map((a) => a.nodes), n.otherwise]) {
            const inside = before(list, key);
            if (inside) return [...out, n, ...inside];
        }
        out.push(...walk([n]).map((w) => w.node));
    }
    return null;
}

// An id that is free: "contact", "contact_2"…
export function freeId(nodes: Node[], wish: string): string {
    const base = wish.toLowerCase().replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '').slice(0, 50) || 'step';
    const taken = new Set(walk(nodes).map((w) => w.node.id));
    if (!taken.has(base) && base !== 'trigger') return base;
    for (let i = 2; ; i++) if (!taken.has(`${base}_${i}`)) return `${base}_${i}`;
}
