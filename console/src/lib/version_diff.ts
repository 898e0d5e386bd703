// SPDX-License-Identifier: Apache-2.0
// What differs between two versions of an automation, in words.
import { type Step, type Trigger, triggerLine, type Version } from './automations';
import { conditionWords, condOf } from './conditions';
import { titleOf } from './step_kinds';
import { nodesOf } from './steps';

export interface Difference {
    kind: 'added' | 'removed' | 'changed' | 'moved';
    what: string; // the step, or the trigger
    fields: { name: string; from: string; to: string }[];
}

interface Placed {
    step: Step;
    place: string; // the list that it stands in, and after whom
}

const text = (v: unknown): string => (v === undefined || v === null ? '–' : typeof v === 'string' ? v : JSON.stringify(v));

// All steps by id; those of branches too.
function placed(steps: Step[], list = '', out = new Map<string, Placed>()): Map<string, Placed> {
    steps.forEach((step, i) => {
        out.set(step.id, { step, place: `${list}/${i > 0 ? steps[i - 1]!.id : ''}` });
        ((step.branches as { steps?: Step[] }[] | undefined) ?? []).forEach((b, k) => placed(b.steps ?? [], `${step.id}:${k}`, out));
        placed((step.else as Step[] | null | undefined) ?? [], `${step.id}:else`, out);
    });
    return out;
}

// Members that are objects are compared member by member.
function flat(of: Record<string, unknown>, at = '', out: Record<string, string> = {}): Record<string, string> {
    for (const [name, v] of Object.entries(of)) {
        if (at === '' && ['id', 'type', 'steps'].includes(name)) continue;
        if (at === '' && name === 'branches') (v as { name?: string; when: never }[]).forEach((b, i) => (out[`way ${i + 1}`] = `${b.name ? `${b.name}: ` : ''}${conditionWords(condOf(b.when))}`));
        else if (at === '' && name === 'else') continue;
        else if (name === 'where') out.where = conditionWords(condOf(v as never));
        else if (typeof v === 'object' && v !== null && !Array.isArray(v)) flat(v as Record<string, unknown>, `${at}${name}.`, out);
        else out[at + name] = text(v);
    }
    return out;
}

function fields(from: Record<string, unknown>, to: Record<string, unknown>): Difference['fields'] {
    const a = flat(from);
    const b = flat(to);
    return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => a[name] !== b[name]).map((name) => ({ name, from: a[name] ?? '–', to: b[name] ?? '–' }));
}

function stepName(s: Step): string {
    return titleOf(nodesOf([s])[0]!);
}

function ofTrigger(from: Trigger, to: Trigger): Difference[] {
    if (JSON.stringify(from) === JSON.stringify(to)) return [];
    const same = from.type === to.type;
    return [{ kind: 'changed', what: 'Trigger', fields: same ? fields({ ...from }, { ...to }) : [{ name: 'what starts it', from: triggerLine(from), to: triggerLine(to) }] }];
}

export function differences(from: Version, to: Version): Difference[] {
    const out = ofTrigger(from.trigger, to.trigger);
    if ((from.concurrency ?? null) !== (to.concurrency ?? null)) out.push({ kind: 'changed', what: 'Runs at a time', fields: [{ name: 'limit', from: text(from.concurrency), to: text(to.concurrency) }] });
    const a = placed(from.steps);
    const b = placed(to.steps);
    for (const [id, { step }] of a) if (!b.has(id)) out.push({ kind: 'removed', what: stepName(step), fields: [] });
    for (const [id, { step, place }] of b) {
        const before = a.get(id);
        if (!before) {
            out.push({ kind: 'added', what: stepName(step), fields: [] });
            continue;
        }
        const changed = before.step.type === step.type ? fields(before.step, step) : [{ name: 'kind', from: before.step.type, to: step.type }];
        if (changed.length > 0) out.push({ kind: 'changed', what: stepName(step), fields: changed });
        // After a step that came or went it is not moved itself.
        const [listA, priorA] = before.place.split('/');
        const [listB, priorB] = place.split('/');
        if (listA !== listB || (priorA !== priorB && (!priorA || b.has(priorA)) && (!priorB || a.has(priorB)))) out.push({ kind: 'moved', what: stepName(step), fields: [] });
    }
    return out;
}
