// SPDX-License-Identifier: Apache-2.0
// The kinds of steps: what they are called, what a new one begins with, what its card says.
import type { IconName } from '../ui/icons';
import { stringsOf } from './json';
import { emptyNode, type Fields, fieldsOf, newArm, type Node, rowsOf } from './steps';

// As what a text ends up; see the API's preview.
export type As = 'value' | 'text' | 'url' | 'header' | 'html' | 'json' | 'form' | 'xml';

export interface Kind {
    type: string;
    name: string;
    icon: IconName;
    group: 'Contacts and records' | 'Messages' | 'Flow';
    what: string;
    id: string; // to begin with
    outside?: boolean; // it may fail and be tried again
    make: (n: Node, target: string, recordType: string) => void;
    line: (n: Node, nameOf: (automation: string) => string) => string;
}

const shorten = (text: string | undefined): string => (text ?? '').replace(/\{\{\s*([^}|]*?)\s*(\|[^}]*)?\}\}/g, (_, path: string) => path.replace(/^trigger\.body\./, ''));
const rowNames = (f: Fields | undefined): string => (f?.mode === 'rows' ? f.rows.map((r) => r.name).filter(Boolean).join(', ') : '');
const wordsOf = (type: string | undefined): string => (type ?? 'record').replace(/_/g, ' ');

function waitLine(n: Node): string {
    if (n.events.length > 0) return `For ${n.events.join(' or ')}${n.texts.timeout ? `, ${n.texts.timeout} at most` : ''}`;
    return n.texts.until !== undefined ? `Until ${shorten(n.texts.until)}` : `For ${shorten(n.texts.for)}`;
}

export const kinds: Kind[] = [
    {
        type: 'upsert_record',
        name: 'Create or update record',
        icon: 'people',
        group: 'Contacts and records',
        what: 'Finds the contact, or another record, by its key; makes it if it is new.',
        id: 'contact',
        make: (n, _, recordType) => {
            n.texts.record = recordType;
            n.fields.set = recordType === 'contact' ? rowsOf(['email', ''], ['name', '']) : rowsOf(['', '']);
        },
        line: (n) => `${wordsOf(n.texts.record)}: ${rowNames(n.fields.set)}`,
    },
    {
        type: 'update_record',
        name: 'Update record',
        icon: 'edit',
        group: 'Contacts and records',
        what: 'Changes fields of a record that is there.',
        id: 'update',
        make: (n, target) => {
            n.texts.target = target;
            n.fields.set = rowsOf(['', '']);
        },
        line: (n) => rowNames(n.fields.set),
    },
    { type: 'add_tag', name: 'Add tag', icon: 'tag', group: 'Contacts and records', what: 'Marks a record, for example as “Customer”.', id: 'tag', make: (n, target) => Object.assign(n.texts, { target, tag: '' }), line: (n) => shorten(n.texts.tag) },
    { type: 'remove_tag', name: 'Remove tag', icon: 'tag', group: 'Contacts and records', what: 'Takes a tag from a record.', id: 'untag', make: (n, target) => Object.assign(n.texts, { target, tag: '' }), line: (n) => shorten(n.texts.tag) },
    {
        type: 'send_email',
        name: 'Send email',
        icon: 'mail',
        group: 'Messages',
        what: 'To a contact, or to anybody.',
        id: 'email',
        outside: true,
        make: (n, target) => Object.assign(n.texts, { to: target.startsWith('{{') ? target.replace(/\.id\s*\}\}/, '.email }}') : '', subject: '', text: '' }),
        line: (n) => shorten(n.texts.subject),
    },
    { type: 'http_request', name: 'HTTP request', icon: 'send', group: 'Messages', what: 'Asks another system.', id: 'request', outside: true, make: (n) => ((n.texts = { method: 'POST', url: '' }), (n.fields = { headers: rowsOf(), body: rowsOf() })), line: (n) => `${n.texts.method || 'POST'} ${shorten(n.texts.url)}` },
    { type: 'emit_event', name: 'Emit event', icon: 'pulse', group: 'Messages', what: 'Sends a webhook to the endpoints of this workspace.', id: 'event', make: (n) => ((n.texts.event = ''), (n.fields.payload = rowsOf(['', '']))), line: (n) => n.texts.event ?? '' },
    { type: 'start_sequence', name: 'Start sequence', icon: 'flow', group: 'Flow', what: 'Starts another automation, such as “Post-Purchase Review”.', id: 'sequence', make: (n, target) => ((n.texts = { automation: '', target, reentry: 'ignore' }), (n.fields.input = rowsOf())), line: (n, nameOf) => nameOf(n.texts.automation ?? '') },
    { type: 'stop_sequence', name: 'Stop sequence', icon: 'close', group: 'Flow', what: 'Ends the runs of another automation for a record.', id: 'stop', make: (n, target) => Object.assign(n.texts, { automation: '', target }), line: (n, nameOf) => nameOf(n.texts.automation ?? '') },
    { type: 'wait', name: 'Wait', icon: 'clock', group: 'Flow', what: 'For a time, until a time, or for an event.', id: 'wait', make: (n) => (n.texts.for = '1d'), line: waitLine },
    { type: 'branch', name: 'Branch', icon: 'branch', group: 'Flow', what: 'Goes one way or another, by conditions.', id: 'branch', make: (n) => n.arms.push(newArm()), line: (n) => `${n.arms.length + 1} ways` },
    { type: 'set', name: 'Set variables', icon: 'code', group: 'Flow', what: 'Keeps values for later steps.', id: 'vars', make: (n) => (n.fields.set = rowsOf(['', ''])), line: (n) => rowNames(n.fields.set) },
];

const byType = new Map(kinds.map((k) => [k.type, k]));
const unknown: Kind = { type: '', name: 'Step', icon: 'box', group: 'Flow', what: '', id: 'step', make: () => {}, line: () => '' };

export function kindOf(type: string): Kind {
    return byType.get(type) ?? { ...unknown, type, name: type };
}

export function newNode(type: string, target: string, recordType: string): Node {
    const n = emptyNode(type);
    kindOf(type).make(n, target, recordType);
    return n;
}

export function titleOf(n: Node): string {
    if (n.name.trim()) return n.name.trim();
    return n.type === 'upsert_record' && n.texts.record ? `Create or update ${wordsOf(n.texts.record)}` : kindOf(n.type).name;
}

const dests: Record<string, As> = { url: 'url', to: 'header', subject: 'header', html: 'html' };
const plain = new Set(['record', 'key', 'automation', 'reentry', 'method', 'event', 'timeoutMs']);

// How the server writes values into a text body: what its Content-Type says. null: as they are.
export function bodyAs(headers: Fields | undefined): 'json' | 'form' | 'xml' | 'html' | null {
    const types = headers?.mode === 'rows' ? headers.rows.filter((r) => r.name.trim().toLowerCase() === 'content-type').map((r) => r.value.split(';')[0]!.trim().toLowerCase()) : [];
    if (types.some((type) => /^(application\/json|.+\+json)$/.test(type))) return 'json';
    if (types.some((type) => /^(application\/xml|text\/xml|.+\+xml)$/.test(type))) return 'xml';
    if (types.includes('text/html')) return 'html';
    return types.includes('application/x-www-form-urlencoded') ? 'form' : null;
}

// One expression is the whole of it and keeps its type; in any other text that is sent as JSON, as XML, as HTML or as a form values are encoded.
function asOfText(n: Node, name: string, text: string): As {
    const single = /^\{\{(?:(?!\}\}).)*\}\}$/s.test(text);
    return (name === 'body' && !single && bodyAs(n.fields.headers)) || 'value';
}

// The texts of a step that may hold expressions, by their place.
export function textsOf(n: Node): { path: string; text: string; as: As }[] {
    const out: { path: string; text: string; as: As }[] = [];
    for (const [name, text] of Object.entries(n.texts)) if (!plain.has(name)) out.push({ path: name, text, as: dests[name] ?? 'text' });
    for (const [name, f] of Object.entries(n.fields)) {
        if (f.mode === 'text') out.push({ path: name, text: f.text, as: asOfText(n, name, f.text) });
        if (f.mode === 'json') for (const s of stringsOf(f.text)) out.push({ path: `${name}.${s.path}`, text: s.text, as: 'value' });
        if (f.mode === 'rows') for (const r of f.rows) out.push({ path: `${name}.${r.key}`, text: r.value, as: name === 'headers' ? 'header' : 'value' });
    }
    return out;
}

// What is not filled in yet, by its place; the server would say the same, or find it out only when it runs.
export function gapsOf(n: Node): Record<string, string> {
    const out: Record<string, string> = {};
    const need = (name: string, what: string) => {
        if ((n.texts[name] ?? '').trim() === '') out[name] = what;
    };
    if (['update_record', 'add_tag', 'remove_tag', 'stop_sequence'].includes(n.type)) need('target', 'Choose the record.');
    if (n.type === 'add_tag' || n.type === 'remove_tag') need('tag', 'Enter the tag.');
    if (n.type === 'start_sequence' || n.type === 'stop_sequence') need('automation', 'Choose the sequence.');
    if (n.type === 'http_request') need('url', 'Enter the URL.');
    if (n.type === 'emit_event') need('event', 'Choose the event type.');
    if (n.type === 'send_email') {
        need('to', 'Enter who gets it.');
        need('subject', 'Enter a subject.');
        if (!(n.texts.text ?? '').trim() && !(n.texts.html ?? '').trim()) out[n.texts.html !== undefined ? 'html' : 'text'] = 'Write something.';
    }
    if (n.type === 'upsert_record' || n.type === 'update_record') {
        const f = n.fields.set ?? fieldsOf(undefined);
        if (f.mode === 'rows' && !f.rows.some((r) => r.name.trim() !== '')) out.set = 'Enter at least one field.';
    }
    for (const [name, f] of Object.entries(n.fields)) {
        if (f.mode === 'rows') {
            const names = f.rows.map((r) => r.name.trim()).filter(Boolean);
            if (new Set(names).size !== names.length) out[name] = 'Each name only once.';
            else if (f.rows.some((r) => r.name.trim() === '' && r.value !== '')) out[name] = 'A value has no name.';
        }
        if (f.mode === 'json' && f.text.trim() !== '') {
            try {
                JSON.parse(f.text);
            } catch (e) {
                out[name] = `This is no JSON: ${e instanceof Error ? e.message : ''}`;
            }
        }
    }
    return out;
}
