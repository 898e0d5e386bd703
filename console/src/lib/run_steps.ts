// SPDX-License-Identifier: Apache-2.0
// The steps of a version beside what a run did of them.
import type { IconName } from '../ui/icons';
import type { Step } from './automations';
import type { RunDetail, RunStep } from './runs';

const names: Record<string, [string, IconName]> = {
    upsert_record: ['Create or update record', 'people'],
    update_record: ['Update record', 'edit'],
    add_tag: ['Add tag', 'tag'],
    remove_tag: ['Remove tag', 'tag'],
    send_email: ['Send email', 'mail'],
    http_request: ['HTTP request', 'send'],
    emit_event: ['Emit event', 'pulse'],
    start_sequence: ['Start sequence', 'flow'],
    stop_sequence: ['Stop sequence', 'close'],
    wait: ['Wait', 'clock'],
    branch: ['Branch', 'branch'],
    set: ['Set variables', 'code'],
};

export function stepIcon(type: string): IconName {
    return names[type]?.[1] ?? 'box';
}

export function stepTitle(s: Step): string {
    if (s.name) return s.name;
    if (s.type === 'upsert_record' && typeof s.record === 'string') return `Create or update ${s.record.replace(/_/g, ' ')}`;
    return names[s.type]?.[0] ?? s.type;
}

export interface Arm {
    title: string;
    steps: Step[];
    taken: boolean | null; // null: not decided yet
}

// A condition in a few words: "trigger.body.amount is at least 100".
const operators: Record<string, string> = { eq: 'is', ne: 'is not', contains: 'contains', starts_with: 'starts with', gt: 'is more than', gte: 'is at least', lt: 'is less than', lte: 'is at most', in: 'is one of', exists: 'is there' };

function conditionWords(c: unknown): string {
    if (typeof c !== 'object' || c === null) return '';
    const o = c as Record<string, unknown>;
    for (const [name, word] of [['all', ' and '], ['any', ' or ']] as const) if (Array.isArray(o[name])) return (o[name] as unknown[]).map(conditionWords).filter(Boolean).join(word);
    if (o.not !== undefined) return `not (${conditionWords(o.not)})`;
    const value = String(typeof o.value === 'string' ? o.value : JSON.stringify(o.value)).replace(/^\{\{\s*(.*?)\s*\}\}$/, '$1');
    const [op, to] = Object.entries(o).find(([name]) => name !== 'value') ?? ['', undefined];
    if (op === 'exists') return `${value} ${to === false ? 'is not there' : 'is there'}`;
    return `${value} ${operators[op] ?? op} ${typeof to === 'string' ? to : JSON.stringify(to)}`;
}

export function armsOf(s: Step, done: RunStep | undefined): Arm[] {
    const arms = (s.branches as { name?: string; when?: unknown; steps?: Step[] }[] | undefined) ?? [];
    const decided = done?.status === 'done';
    const way = decided ? done.output?.branch : undefined;
    const out: Arm[] = arms.map((a, i) => ({ title: a.name || `If ${conditionWords(a.when)}`, steps: a.steps ?? [], taken: decided ? way === i : null }));
    return [...out, { title: 'Otherwise', steps: (s.else as Step[] | null | undefined) ?? [], taken: decided ? way === null : null }];
}

export function stepsById(run: RunDetail): Map<string, RunStep> {
    return new Map(run.steps.map((s) => [s.id, s]));
}

// A step by its id, also within branches.
export function findStep(steps: Step[], id: string | null): Step | undefined {
    for (const s of steps) {
        if (s.id === id) return s;
        const arms = (s.branches as { steps?: Step[] }[] | undefined) ?? [];
        for (const list of [...arms.map((a) => a.steps ?? []), (s.else as Step[] | null | undefined) ?? []]) {
            const found = findStep(list, id);
            if (found) return found;
        }
    }
    return undefined;
}
