// SPDX-License-Identifier: Apache-2.0
// Conditions: tests and groups of them, in groups.
import { type Cond, type Group, type Match, newGroup, newTest, operators, type Test } from '../lib/conditions';
import { Button } from '../ui/basic';
import { TemplateField } from '../ui/template';

const matches: { value: Match; text: string }[] = [
    { value: 'all', text: 'All of these' },
    { value: 'any', text: 'Any of these' },
    { value: 'none', text: 'None of these' },
];

const DEPTH_MAX = 4; // deeper ones are shown, not made

function TestRow({ test, place, number, onChange, onRemove }: { test: Test; place: string; number: number; onChange: (to: Test) => void; onRemove: (() => void) | null }) {
    const alone = operators.find((o) => o.value === test.op)?.alone;
    return (
        <div class="test-row">
            <TemplateField label={`Value of condition ${number}`} hideLabel place={`${place}.${test.key}.value`} value={test.value} onInput={(value) => onChange({ ...test, value })} placeholder="{{ trigger.body.total }}" />
            <select aria-label={`Comparison of condition ${number}`} value={test.op} onChange={(e) => onChange({ ...test, op: e.currentTarget.value })}>
                {operators.map((o) => (
                    <option key={o.value} value={o.value}>
                        {o.text}
                    </option>
                ))}
            </select>
            {!alone && (
                <TemplateField label={`Compared with, condition ${number}`} hideLabel place={`${place}.${test.key}.with`} value={test.with} onInput={(w) => onChange({ ...test, with: w })} placeholder={test.op === 'in' ? 'one, two, three' : '100'} />
            )}
            {onRemove && <Button kind="quiet" icon="trash" label={`Remove condition ${number}`} onClick={onRemove} />}
        </div>
    );
}

function GroupEditor({ group, place, depth, onChange, onRemove }: { group: Group; place: string; depth: number; onChange: (to: Group) => void; onRemove: (() => void) | null }) {
    const change = (key: number, to: Cond | null) => onChange({ ...group, items: group.items.flatMap((i) => (i.key === key ? (to ? [to] : []) : [i])) });
    return (
        <div class={`conditions${depth > 0 ? ' nested' : ''}`} role="group" aria-label={depth > 0 ? 'Group of conditions' : 'Conditions'}>
            {(group.items.length > 1 || depth > 0 || group.match === 'none') && (
                <div class="row">
                    <select class="auto" aria-label="How many must hold" value={group.match} onChange={(e) => onChange({ ...group, match: e.currentTarget.value as Match })}>
                        {matches.map((m) => (
                            <option key={m.value} value={m.value}>
                                {m.text}
                            </option>
                        ))}
                    </select>
                    {onRemove && <Button kind="quiet" small icon="trash" label="Remove the group" onClick={onRemove} />}
                </div>
            )}
            {group.items.map((item, i) => {
                const remove = depth > 0 || group.items.length > 1 ? () => change(item.key, null) : null;
                return item.kind === 'group' ? (
                    <GroupEditor key={item.key} group={item} place={place} depth={depth + 1} onChange={(to) => change(item.key, to)} onRemove={() => change(item.key, null)} />
                ) : (
                    <TestRow key={item.key} test={item} place={place} number={i + 1} onChange={(to) => change(item.key, to)} onRemove={remove} />
                );
            })}
            <div class="row">
                <Button small icon="plus" onClick={() => onChange({ ...group, items: [...group.items, newTest()] })}>
                    Add condition
                </Button>
                {depth < DEPTH_MAX && (
                    <Button small kind="quiet" icon="plus" onClick={() => onChange({ ...group, items: [...group.items, newGroup(group.match === 'all' ? 'any' : 'all')] })}>
                        Add group
                    </Button>
                )}
            </div>
        </div>
    );
}

export function ConditionEditor({ cond, place, onChange, problem }: { cond: Cond; place: string; onChange: (to: Cond) => void; problem?: string | undefined }) {
    const group = cond.kind === 'group' ? cond : newGroup('all', [cond]);
    return (
        <div class="stack tight">
            <GroupEditor group={group} place={place} depth={0} onChange={onChange} onRemove={null} />
            {problem && <p class="field-error">{problem}</p>}
        </div>
    );
}

// The texts of a condition, for their previews.
export function conditionTexts(c: Cond, place: string): { path: string; text: string; as: 'value' }[] {
    if (c.kind === 'group') return c.items.flatMap((i) => conditionTexts(i, place));
    return [
        { path: `${place}.${c.key}.value`, text: c.value, as: 'value' },
        { path: `${place}.${c.key}.with`, text: c.with, as: 'value' },
    ];
}
