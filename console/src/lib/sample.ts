// SPDX-License-Identifier: Apache-2.0
// The example that an automation is built with: of a webhook the requests that came in, of other triggers what started its last run, or
// something that is like it.
import { api } from './api';
import { type Automation, names } from './automations';
import type { JsonValue } from './json';
import { itemsWith } from './jsontext';
import { useLive } from './live';
import { type Loaded, useLoad } from './load';
import type { RecordOut, RecordType } from './records';
import type { Run } from './runs';
import type { EventType, Page } from './types';
import { type Variable, variablesOf } from './variables';

export interface SampleRequest {
    id: string;
    receivedAt: string;
    method: string;
    contentType: string | null;
    size: number;
    selected: boolean;
}

export interface Sample {
    requests: SampleRequest[]; // of a webhook, newest first
    variables: Variable[];
    changes: number; // keys that differ in the newest request
    trigger: JsonValue | null; // what to try with; null: the server knows
    contact: JsonValue | null; // the record that the run is about, where it begins with one
    made: boolean; // nothing like it has happened yet
}

const LAST_REQUESTS = 10;
const TYPES_TRIED = 10;
const nobody = { id: 'rec_sample', email: 'ada@example.com', name: 'Ada Lovelace', tags: ['Customer'] };

type Where = { path: string; automation: Automation; signal: AbortSignal };

// Their examples digit by digit.
async function loadVariables(path: string, signal: AbortSignal): Promise<{ data: Variable[]; changes: number; sample: string | null }> {
    const text = await api.text(path, { signal });
    const data = itemsWith<Variable>(text, 'data', 'example').map(({ exact, ...v }) => ({ ...v, example: typeof v.example === 'string' ? v.example : exact }));
    return { ...(JSON.parse(text) as { changes: number; sample: string | null }), data };
}

// The one that was chosen may be older than those listed.
async function withChosen(listed: SampleRequest[], chosen: string | null, { path, automation, signal }: Where): Promise<SampleRequest[]> {
    if (chosen === null || listed.some((r) => r.id === chosen)) return listed.map((r) => ({ ...r, selected: r.id === chosen }));
    const it = await api.get<SampleRequest>(`${path}/trigger/${automation.trigger.id}/request/${chosen}`, {}, { signal });
    return [...listed.map((r) => ({ ...r, selected: false })), { ...it, selected: true }].sort((a, b) => Date.parse(b.receivedAt) - Date.parse(a.receivedAt));
}

async function ofRequests({ path, automation, signal }: Where): Promise<Sample> {
    const at = `${path}/automation/${automation.id}`;
    const [samples, variables] = await Promise.all([
        api.get<Page<SampleRequest>>(`${at}/sample`, { limit: LAST_REQUESTS }, { signal }),
        loadVariables(`${at}/variable`, signal),
    ]);
    const requests = await withChosen(samples.data, variables.sample, { path, automation, signal });
    return { requests, variables: variables.data, changes: variables.changes, trigger: null, contact: null, made: samples.data.length === 0 };
}

function asData(r: RecordOut | undefined): { [name: string]: JsonValue } | null {
    return r ? ({ id: r.id, tags: r.tags, ...r.data } as { [name: string]: JsonValue }) : null;
}

async function newestRecord({ path, signal }: Where, type: string): Promise<{ [name: string]: JsonValue } | null> {
    const page = await api.get<Page<RecordOut>>(`${path}/record/${encodeURIComponent(type)}`, { limit: 1, order: 'descending' }, { signal });
    return asData(page.data[0]);
}

// One that a sequence may be about: a contact, or of whatever type there is one.
async function anyRecord(where: Where): Promise<JsonValue> {
    const types = (await api.get<{ data: RecordType[] }>(`${where.path}/record-type`, {}, { signal: where.signal })).data.map((t) => t.name);
    const contacts = types.includes('contact');
    for (const type of contacts ? ['contact'] : types.slice(0, TYPES_TRIED)) {
        const found = await newestRecord(where, type);
        if (found) return found;
    }
    return contacts ? nobody : { id: 'rec_sample', name: 'Example', tags: [] };
}

async function lastTrigger({ path, automation, signal }: Where): Promise<JsonValue | null> {
    const at = `${path}/automation/${automation.id}/run`;
    const last = (await api.get<Page<Run>>(at, { limit: 1 }, { signal })).data[0];
    return last ? (await api.get<{ trigger: JsonValue }>(`${at}/${last.id}`, {}, { signal })).trigger : null;
}

async function exampleOf(event: string | undefined, signal: AbortSignal): Promise<JsonValue> {
    if (!event) return {};
    try {
        const type = await api.get<EventType>(`/event-type/${encodeURIComponent(event)}`, {}, { signal });
        const newest = Object.entries(type.schemas ?? {}).sort(([a], [b]) => Number(b) - Number(a))[0]?.[1] as { examples?: JsonValue[] } | undefined;
        return newest?.examples?.[0] ?? {};
    } catch {
        return {};
    }
}

async function likely(where: Where): Promise<JsonValue> {
    const t = where.automation.trigger;
    const now = new Date().toISOString();
    if (t.type === 'record_changed') return { body: (await newestRecord(where, t.record ?? '')) ?? {}, change: names(t.on)[0] ?? 'updated' };
    if (t.type === 'event') return { body: await exampleOf(names(t.event)[0], where.signal), event: names(t.event)[0] ?? '', occurredAt: now };
    if (t.type === 'schedule') return { body: {}, scheduledAt: now };
    return { body: {} };
}

async function load(where: Where): Promise<Sample> {
    const type = where.automation.trigger.type;
    if (type === 'incoming_webhook') return ofRequests(where);
    const before = await lastTrigger(where).catch(() => null);
    const trigger = before ?? (await likely(where).catch(() => ({ body: {} })));
    const contact = type === 'sequence' ? await anyRecord(where).catch(() => nobody) : null;
    return { requests: [], variables: variablesOf('trigger', trigger).slice(1), changes: 0, trigger, contact, made: before === null };
}

// Anew when a request comes in.
export function useSample(app: string | null, path: string, automation: Automation | undefined): Loaded<Sample> {
    const t = automation?.trigger;
    const key = automation ? `sample ${path} ${automation.id} ${t?.type} ${t?.record ?? ''} ${names(t?.event).join()}` : null;
    const loaded = useLoad(key, (signal) => load({ path, automation: automation!, signal }));
    useLive(t?.type === 'incoming_webhook' ? app : null, (e) => e.kind === 'request' && e.data.triggerId === t?.id, loaded.reload);
    return loaded;
}
