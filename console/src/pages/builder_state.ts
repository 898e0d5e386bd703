// SPDX-License-Identifier: Apache-2.0
// What the parts of the builder share: the draft, what is wrong with it, what it may speak of.
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { ApiError, type Problem } from '../lib/api';
import type { Automation } from '../lib/automations';
import { conditionOf } from '../lib/conditions';
import type { Sample } from '../lib/sample';
import { gapsOf } from '../lib/step_kinds';
import { type Node, stepsOf, walk } from '../lib/steps';
import { type TriggerDraft, triggerGaps, triggerOut } from '../lib/trigger_draft';

export interface Draft {
    name: string;
    trigger: TriggerDraft;
    concurrency: string;
    nodes: Node[];
}

export type MoveButton = 'up' | 'down' | 'move';

// By place: "name", "trigger.verify.secret", "steps.0.set.email".
export type Problems = Record<string, string>;

export interface Builder {
    automation: Automation;
    where: string; // its route
    draft: Draft;
    edit: (fn: (d: Draft) => Draft) => void;
    problems: Problems;
    readOnly: boolean;
    sample: Sample | undefined;
    sampleLoading: boolean; // there is none yet
    reloadSample: () => void;
    rotated: (url: string) => void; // the Trigger URL is another one now
    open: number | 'trigger' | null; // the part that is unfolded
    setOpen: (part: number | 'trigger' | null) => void;
    fresh: { key: number }; // the step that was just added: it gets the focus
    focusOn: (key: number, first: MoveButton) => void; // the button of a step, once what was just changed is shown
    moving: number | null; // the step whose new place is being chosen
    setMoving: (key: number | null) => void;
    sequences: Automation[]; // the other automations
    recordTypes: { name: string; key: string | null }[];
    eventTypes: string[];
}

export const BuilderContext = createContext<Builder | null>(null);
export function useBuilder(): Builder {
    return useContext(BuilderContext)!;
}

// As the API takes it. Throws what JSON.parse throws.
export function draftOut(d: Draft): Record<string, unknown> {
    return { name: d.name.trim(), trigger: triggerOut(d.trigger), concurrency: d.concurrency.trim() === '' ? null : Number(d.concurrency), steps: stepsOf(d.nodes) };
}

export function gaps(d: Draft): Problems {
    const out: Problems = {};
    if (d.name.trim() === '') out.name = 'Give it a name.';
    if (!/^\s*(\d+\s*)?$/.test(d.concurrency)) out.concurrency = 'A whole number, or nothing.';
    for (const [name, what] of Object.entries(triggerGaps(d.trigger))) out[`trigger.${name}`] = what;
    for (const { node, path } of walk(d.nodes)) {
        for (const [name, what] of Object.entries(gapsOf(node))) out[`steps.${path}.${name}`] = what;
        node.arms.forEach((a, i) => {
            if (conditionOf(a.when) === null) out[`steps.${path}.branches.${i}.when`] = 'Say when this way is taken.';
        });
    }
    return out;
}

// As the API lists them.
export function problemsAt(list: Problem[]): Problems {
    return Object.fromEntries(list.map((p) => [p.loc.slice(1).join('.'), p.msg[0] ? p.msg[0].toUpperCase() + p.msg.slice(1) : p.msg]));
}

export function problemsOf(error: unknown): Problems {
    return error instanceof ApiError ? problemsAt(error.problems) : {};
}

// Of a member of a step, or of what lies below it.
export function problemAt(problems: Problems, place: string): string | undefined {
    if (problems[place]) return problems[place];
    const below = Object.entries(problems).find(([at]) => at.startsWith(`${place}.`));
    return below ? `${below[0].slice(place.length + 1)}: ${below[1]}` : undefined;
}
