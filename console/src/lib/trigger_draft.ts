// SPDX-License-Identifier: Apache-2.0
// What starts an automation, while it is edited.
import { names, type Trigger, type TriggerType, type Verify } from './automations';
import { type Cond, condOf, conditionOf } from './conditions';
import type { JsonValue } from './json';

export interface TriggerDraft {
    type: TriggerType;
    // incoming_webhook
    profile: string; // "": anybody; "row": one of one's own
    row: JsonValue | null;
    secret: string; // a new one; "": that which is known
    known: string | null; // the profile whose secret the server has
    header: string;
    tolerance: string;
    verifyToken: string;
    addresses: string;
    dedupeBy: '' | 'none' | 'header' | 'body' | 'query';
    dedupe: string;
    methods: string[];
    // event, record_changed
    events: string[];
    record: string;
    on: string[];
    where: Cond;
    cron: string;
}

export const allMethods = ['POST', 'PUT', 'GET'];
const usualMethods = 'POST PUT';
export const methodsAreUsual = (methods: string[]) => [...methods].sort().join(' ') === usualMethods;
export const allChanges = ['created', 'updated', 'deleted'];

export function triggerDraft(t: Trigger): TriggerDraft {
    const v: Verify = t.verify ?? {};
    const profile = v.row ? 'row' : (v.profile ?? '');
    const [by, ...rest] = (t.dedupe ?? '').split(':');
    return {
        type: t.type,
        profile,
        row: v.row ?? null,
        secret: '',
        known: (v.secrets ?? 0) > 0 ? profile : null,
        header: v.header ?? '',
        tolerance: v.toleranceSeconds === undefined ? '' : String(v.toleranceSeconds),
        verifyToken: '',
        addresses: (v.addresses ?? []).join('\n'),
        dedupeBy: by as TriggerDraft['dedupeBy'],
        dedupe: rest.join(':'),
        methods: t.methods ?? usualMethods.split(' '),
        events: names(t.event),
        record: t.record ?? '',
        on: t.on === undefined ? allChanges : names(t.on),
        where: condOf(t.where),
        cron: t.cron ?? '',
    };
}

function verifyOut(d: TriggerDraft): Record<string, unknown> | null {
    const addresses = d.addresses.split(/[\s,]+/).filter(Boolean);
    if (d.profile === '' && addresses.length === 0) return null;
    return {
        ...(d.profile === 'row' ? { row: d.row } : d.profile ? { profile: d.profile } : {}),
        // A secret of another sender must not stay.
        ...(d.secret ? { secret: d.secret } : d.known !== d.profile ? { secret: null } : {}),
        ...(d.header.trim() ? { header: d.header.trim() } : {}),
        ...(d.tolerance.trim() ? { toleranceSeconds: Number(d.tolerance) } : {}),
        ...(d.verifyToken ? { verifyToken: d.verifyToken } : {}),
        ...(addresses.length > 0 ? { addresses } : {}),
    };
}

export function triggerOut(d: TriggerDraft): Record<string, unknown> {
    const where = conditionOf(d.where);
    if (d.type === 'event') return { type: d.type, event: d.events, ...(where ? { where } : {}) };
    if (d.type === 'record_changed') return { type: d.type, record: d.record, ...(d.on.length < allChanges.length ? { on: d.on } : {}), ...(where ? { where } : {}) };
    if (d.type === 'schedule') return { type: d.type, cron: d.cron.trim() };
    if (d.type === 'sequence') return { type: d.type };
    return {
        type: d.type,
        verify: verifyOut(d),
        dedupe: d.dedupeBy === '' ? null : d.dedupeBy === 'none' ? 'none' : `${d.dedupeBy}:${d.dedupe.trim()}`,
        ...(methodsAreUsual(d.methods) ? {} : { methods: d.methods }),
    };
}

export function triggerGaps(d: TriggerDraft): Record<string, string> {
    const out: Record<string, string> = {};
    if (d.type === 'incoming_webhook') {
        if (d.profile && d.profile !== d.known && d.secret === '') out['verify.secret'] = 'Without the secret every request would be refused.';
        if (d.tolerance.trim() && !/^\d+$/.test(d.tolerance.trim())) out['verify.toleranceSeconds'] = 'A whole number of seconds.';
        if (!['', 'none'].includes(d.dedupeBy) && d.dedupe.trim() === '') out.dedupe = 'Say which one.';
        if (d.methods.length === 0) out.methods = 'At least one.';
    }
    if (d.type === 'event' && d.events.length === 0) out.event = 'Choose at least one event type.';
    if (d.type === 'record_changed' && d.record === '') out.record = 'Choose the type of record.';
    if (d.type === 'record_changed' && d.on.length === 0) out.on = 'Choose at least one.';
    if (d.type === 'schedule' && d.cron.trim() === '') out.cron = 'Say when.';
    return out;
}

// On being published the draft is the automation again; what was entered must not be sent once more.
export function settled(d: TriggerDraft): TriggerDraft {
    return { ...d, secret: '', verifyToken: '', known: d.profile || null };
}
