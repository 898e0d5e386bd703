// SPDX-License-Identifier: Apache-2.0
// The steps of a version beside what a run did of them.
import type { IconName } from '../ui/icons';
import type { Condition, Step } from './automations';
import { condOf, conditionWords } from './conditions';
import type { RunDetail, RunStep } from './runs';
import { kindOf, titleOf } from './step_kinds';
import { nodesOf } from './steps';

export function stepIcon(type: string): IconName {
    return kindOf(type).icon;
}

// As the builder calls it.
export function stepTitle(s: Step): string {
    return titleOf(nodesOf([s])[0]!);
}

export interface Arm {
    title: string;
    steps: Step[];
    taken: boolean | null; // null: not decided yet
}

export function armsOf(s: Step, done: RunStep | undefined): Arm[] {
    const arms = (s.branches as { name?: string; when?: Condition; steps?: Step[] }[] | undefined) ?? [];
    const decided = done?.status === 'done';
    const way = decided ? done.output?.branch : undefined;
    const out: Arm[] = arms.map((a, i) => ({ title: a.name || `If ${conditionWords(condOf(a.when))}`, steps: a.steps ?? [], taken: decided ? way === i : null }));
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
