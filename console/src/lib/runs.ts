// SPDX-License-Identifier: Apache-2.0
// Runs of automations as the API has them, and in words.
import { api } from './api';
import type { Step } from './automations';
import { ago, duration, milliseconds, when } from './format';
import { itemTexts, memberText } from './jsontext';
import { recordTypeName } from './records';
import type { Status } from './words';

export type RunState = 'running' | 'waiting' | 'done' | 'failed' | 'cancelled';
export const runStates: RunState[] = ['running', 'waiting', 'done', 'failed', 'cancelled'];

export interface RunWait {
    type: 'time' | 'event' | 'retry' | 'turn';
    events: string[];
    until: string | null;
}

export interface Run {
    id: string;
    automationId: string;
    automationName: string | null;
    status: RunState;
    version: number;
    step: string | null;
    stepType: string | null;
    waitingFor: RunWait | null;
    request: string | null;
    parent: string | null;
    target: string | null;
    record: { id: string; type: string; key: string | null; name: string | null } | null;
    error: string | null;
    startedAt: string;
    endedAt: string | null;
    dueAt: string | null;
}

export interface RunMail {
    status: 'queued' | 'sent' | 'failed';
    to: string;
    attempts: number;
    error: string | null;
    nextAttempt: string | null;
}

export interface RunStep {
    id: string;
    type: string;
    status: RunState;
    startedAt: string;
    endedAt: string | null;
    attempts: number;
    input: Record<string, unknown> | null;
    output: Record<string, unknown> | null;
    error: string | null;
    mail?: RunMail | null;
    // as they were written, digit by digit
    inputText: string | null;
    outputText: string | null;
}

export interface RunDetail extends Run {
    parentAutomationId: string | null;
    parentAutomationName: string | null;
    trigger: Record<string, unknown> | null;
    triggerText: string | null;
    definition: Step[];
    steps: RunStep[];
}

const there = (text: string | null): string | null => (text === null || text === 'null' ? null : text);

export async function loadRun(path: string, signal: AbortSignal): Promise<RunDetail> {
    const text = await api.text(path, { signal });
    const run = JSON.parse(text) as RunDetail;
    const texts = itemTexts(memberText(text, 'steps') ?? '[]');
    run.triggerText = there(memberText(text, 'trigger'));
    run.steps.forEach((s, i) => {
        s.inputText = there(memberText(texts[i] ?? '{}', 'input'));
        s.outputText = there(memberText(texts[i] ?? '{}', 'output'));
    });
    return run;
}

const labels: Record<RunState, [Status['tone'], string]> = {
    running: ['busy', 'Running'],
    waiting: ['warn', 'Waiting'],
    done: ['good', 'Done'],
    failed: ['bad', 'Failed'],
    cancelled: ['plain', 'Cancelled'],
};

export function stateStatus(state: RunState): Status {
    const [tone, label] = labels[state];
    return { tone, label, detail: '' };
}

// "order.paid or order.cancelled"
function either(events: string[]): string {
    return events.length < 2 ? (events[0] ?? 'an event') : `${events.slice(0, -1).join(', ')} or ${events[events.length - 1]}`;
}

// What it waits for: "for order.paid, until in 2 h".
export function waitWords(w: RunWait, now = Date.now()): string {
    if (w.type === 'turn') return 'until there is room for it';
    const due = w.until !== null && Date.parse(w.until) <= now + 1000;
    const at = w.until === null ? null : ago(w.until, now);
    if (w.type === 'event') return at === null ? `for ${either(w.events)}` : `for ${either(w.events)}, ${due ? 'until now' : `gives up ${at}`}`;
    if (w.type === 'retry') return due ? 'tries again now' : `tries again ${at}`;
    return due ? 'continues now' : `continues ${at}`;
}

// The same as a sentence, with the exact time.
export function waitStory(w: RunWait): string {
    const at = w.until === null ? null : when(w.until);
    if (w.type === 'turn') return 'It waits for its turn: as many runs as may are at work already.';
    if (w.type === 'event') return `It waits for the event ${either(w.events)}${at === null ? '.' : `, and continues without it on ${at}.`}`;
    if (w.type === 'retry') return `Its step failed and is tried again on ${at ?? 'another day'}.`;
    return `It continues on ${at ?? 'another day'}.`;
}

// Of a run or a step: how long it took, or has been going on.
export function tookMs(of: { startedAt: string; endedAt: string | null }, now = Date.now()): number {
    return Math.max(0, (of.endedAt === null ? now : Date.parse(of.endedAt)) - Date.parse(of.startedAt));
}

export function tookWords(ms: number): string {
    if (ms < 1) return '<1 ms';
    return ms < 60_000 ? milliseconds(ms) : duration(ms / 1000);
}

// Why it failed, without the name of the step that stands before it.
export function failureWords(run: Run): string {
    const error = run.error ?? 'no reason is known';
    return run.step !== null && error.startsWith(`${run.step}: `) ? error.slice(run.step.length + 2) : error;
}

// What to do about it; type: of the step that failed.
export function failureAdvice(run: Run, type: string | undefined): string {
    if (type === 'http_request') return 'What was sent and answered stands at the step. Once the other system works again, retry: this step is done once more, those before it are not.';
    if (/there is nothing here|is empty|there is no record/.test(run.error ?? ''))
        return 'A value that the step needs was not there: compare it with what started the run. For the next runs change the step, for example with | default, and publish; this one keeps its version.';
    return 'Once the cause is gone, retry: this step is done once more, those before it are not. What the step does is changed in the builder, and holds for new runs once it is published.';
}

export function recordName(r: NonNullable<Run['record']>): string {
    return r.key ?? r.name ?? r.id;
}

// "Contact"
export function recordKind(type: string): string {
    return recordTypeName(type).replace(/ies$/, 'y').replace(/s$/, '');
}
