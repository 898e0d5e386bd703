// SPDX-License-Identifier: Apache-2.0
// What the texts of a step may speak of: the keys of the sample, and what earlier steps leave behind.
import type { TriggerType } from './automations';
import type { JsonValue } from './json';
import { titleOf } from './step_kinds';
import type { Fields, Node } from './steps';

export interface Variable {
    path: string;
    type: string;
    example: unknown;
    change: 'added' | 'removed' | 'type' | null;
}

export interface VariableGroup {
    title: string;
    variables: Variable[];
}

const DEPTH_MAX = 12;
const MANY = 500;

function typeOf(v: unknown): string {
    return v === null || v === undefined ? 'null' : Array.isArray(v) ? 'array' : typeof v;
}

function join(path: string, name: string): string {
    return /^[A-Za-z_][\w-]*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}

// Every key of a value, as expressions name it.
export function variablesOf(path: string, v: JsonValue, depth = 0, out: Variable[] = []): Variable[] {
    if (out.length >= MANY || depth > DEPTH_MAX) return out;
    out.push({ path, type: typeOf(v), example: v, change: null });
    if (Array.isArray(v) && v.length > 0) variablesOf(`${path}[0]`, v[0]!, depth + 1, out);
    else if (typeof v === 'object' && v !== null && !Array.isArray(v)) for (const [name, m] of Object.entries(v)) variablesOf(join(path, name), m, depth + 1, out);
    return out;
}

const known = (path: string, type: string, example: unknown = undefined): Variable => ({ path, type, example, change: null });

function ofFields(path: string, f: Fields | undefined): Variable[] {
    return f?.mode === 'rows' ? f.rows.filter((r) => r.name.trim() !== '').map((r) => known(join(path, r.name.trim()), 'any', r.value || undefined)) : [];
}

function ofStep(n: Node): Variable[] {
    const at = `steps.${n.id}`;
    switch (n.type) {
        case 'upsert_record':
        case 'update_record':
            return [known(`${at}.id`, 'string'), ...ofFields(at, n.fields.set), known(`${at}.tags`, 'array')];
        case 'add_tag':
        case 'remove_tag':
            return [known(`${at}.id`, 'string'), known(`${at}.tags`, 'array')];
        case 'set':
            return ofFields('vars', n.fields.set);
        case 'http_request':
            return [known(`${at}.status`, 'number'), known(`${at}.body`, 'any')];
        case 'emit_event':
        case 'send_email':
            return [known(`${at}.id`, 'string')];
        case 'wait':
            return n.events.length > 0 ? [known(`${at}.timedOut`, 'boolean'), known(`${at}.event.body`, 'object')] : [];
        case 'start_sequence':
            return [known(`${at}.started`, 'boolean'), known(`${at}.run`, 'string')];
        default:
            return [];
    }
}

// earlier: the steps before; contact: an example of the record that the run is about, if it begins with one.
export function variableGroups(trigger: Variable[], earlier: Node[], contact: JsonValue | null, type: TriggerType): VariableGroup[] {
    const first = earlier.find((n) => n.type === 'upsert_record');
    const about = first && first.texts.record !== 'contact' ? 'target' : 'contact';
    const title = about === 'contact' ? 'Contact' : 'Record of the run';
    const groups: VariableGroup[] = [];
    const headers = trigger.filter((v) => v.path.startsWith('trigger.headers'));
    const rest = trigger.filter((v) => !v.path.startsWith('trigger.headers') && v.type !== 'object');
    if (rest.length > 0) groups.push({ title: type === 'incoming_webhook' ? 'Request' : 'Trigger', variables: rest });
    if (contact !== null) groups.push({ title: 'Contact', variables: variablesOf('contact', contact).slice(1) });
    else if (first) groups.push({ title, variables: [known(`${about}.id`, 'string'), ...ofFields(about, first.fields.set), known(`${about}.tags`, 'array')] });
    for (const n of [...earlier].reverse()) {
        const variables = ofStep(n);
        if (variables.length > 0) groups.push({ title: titleOf(n), variables });
    }
    groups.push({ title: 'Run', variables: [known('run.id', 'string'), known('run.startedAt', 'string')] });
    if (headers.length > 1) groups.push({ title: 'Headers', variables: headers.filter((v) => v.type !== 'object') });
    return groups;
}

export function exampleText(v: unknown, most = 80): string {
    if (v === undefined) return '';
    const text = typeof v === 'string' ? v : JSON.stringify(v);
    return text.length > most ? `${text.slice(0, most)}…` : text;
}

// Within one's own request the beginning says nothing.
export function shortPath(path: string): string {
    return path.replace(/^trigger\.body\./, '').replace(/^trigger\.headers/, 'headers').replace(/^trigger\.query\./, 'query.');
}

export function expression(path: string): string {
    return `{{ ${path} }}`;
}
