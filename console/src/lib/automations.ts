// SPDX-License-Identifier: Apache-2.0
// Automations as the API has them.
import type { JsonValue } from './json';
import type { Run } from './runs';
import type { Status } from './words';

export type AutomationStatus = 'draft' | 'published' | 'paused';
export type TriggerType = 'incoming_webhook' | 'event' | 'record_changed' | 'schedule' | 'sequence';

export interface Verify {
    profile?: string;
    row?: JsonValue;
    header?: string;
    toleranceSeconds?: number;
    addresses?: string[];
    secrets?: number; // how many are known
    verifyToken?: boolean;
}

export interface Trigger {
    type: TriggerType;
    // incoming_webhook
    id?: string;
    url?: string;
    verify?: Verify | null;
    dedupe?: string | null;
    effectiveDedupe?: string | null;
    methods?: string[];
    sample?: string | null;
    // event, record_changed
    event?: string | string[];
    record?: string;
    on?: string | string[];
    where?: Condition | null;
    // schedule
    cron?: string;
}

export interface Condition {
    [member: string]: JsonValue | Condition | Condition[] | undefined;
}

export interface Step {
    id: string;
    type: string;
    name?: string;
    [member: string]: unknown;
}

export interface Automation {
    id: string;
    name: string;
    status: AutomationStatus;
    version: number;
    publishedVersion: number | null;
    trigger: Trigger;
    concurrency?: number | null; // null: any number of runs at a time
    steps: Step[];
    createdAt: string;
    updatedAt: string;
    // of lists
    runCount?: number | null;
    lastRun?: Run | null;
}

export interface Version {
    version: number;
    status: 'published' | 'draft' | 'replaced';
    publishedAt: string | null;
    trigger: Trigger;
    concurrency?: number | null;
    steps: Step[];
    createdAt: string;
}

// In the words of somebody who builds them.
export const triggerNames: Record<TriggerType, string> = {
    incoming_webhook: 'Incoming Webhook',
    event: 'Event of the workspace',
    record_changed: 'Record changed',
    schedule: 'Schedule',
    sequence: 'Started by another automation',
};

export function names(of: string | string[] | undefined): string[] {
    return of === undefined ? [] : Array.isArray(of) ? of : [of];
}

export function triggerLine(t: Trigger): string {
    if (t.type === 'event') return `On ${names(t.event).join(' or ')}`;
    if (t.type === 'record_changed') return `When a ${(t.record ?? 'record').replace(/_/g, ' ')} is ${t.on ? names(t.on).join(' or ') : 'changed'}`;
    if (t.type === 'schedule') return `On schedule ${t.cron ?? ''}`;
    return triggerNames[t.type];
}

export function hasDraft(a: Automation): boolean {
    return a.publishedVersion !== null && a.version !== a.publishedVersion;
}

export function automationStatus(a: Automation): Status {
    const draft = hasDraft(a) ? 'with a draft' : '';
    if (a.status === 'published') return { tone: 'good', label: 'Published', detail: draft };
    if (a.status === 'paused') return { tone: 'warn', label: 'Paused', detail: draft };
    return { tone: 'plain', label: 'Draft', detail: '' };
}
