// SPDX-License-Identifier: Apache-2.0
// What every step has: a name, how others call it, what happens when it fails.
import { useState } from 'preact/hooks';
import { duration } from '../lib/format';
import { kindOf, titleOf } from '../lib/step_kinds';
import { type Fields, mapNode, type Node, walk } from '../lib/steps';
import { Folded, SelectField, TextField } from '../ui/basic';
import { useBuilder } from './builder_state';
import type { StepFormProps } from './builder_forms';

const usual = [30, 300, 1800, 7200];
const schedules: { value: string; text: string }[] = [
    { value: '', text: `4 times: after ${usual.map((s) => duration(s)).join(', ')}` },
    { value: '[]', text: 'Not again' },
    { value: '[10,30,60]', text: '3 times: after 10 s, 30 s, 1 min' },
    { value: '[60,600,3600,21600,86400]', text: '5 times over a day' },
];

function RetryField({ n, change, problem }: StepFormProps) {
    const text = n.retries === null ? '' : JSON.stringify(n.retries);
    const known = schedules.some((s) => s.value === text);
    const [own, setOwn] = useState(!known);
    const [written, setWritten] = useState((n.retries ?? []).join(', ')); // a list that is being typed ends with a comma
    return (
        <>
            <SelectField
                label="When it fails, try again"
                value={own ? 'own' : text}
                onChange={(to) => {
                    setOwn(to === 'own');
                    if (to === 'own') setWritten((n.retries ?? usual).join(', '));
                    change({ retries: to === '' ? null : to === 'own' ? (n.retries ?? usual) : (JSON.parse(to) as number[]) });
                }}
                options={[...schedules, { value: 'own', text: 'At times of my own…' }]}
            />
            {own && (
                <TextField
                    label="Seconds between the tries"
                    value={written}
                    onInput={(to) => {
                        setWritten(to);
                        change({ retries: to.split(/[\s,]+/).filter(Boolean).map(Number) });
                    }}
                    error={problem('retrySchedule')}
                    hint="Up to 20 numbers, such as 30, 300, 1800."
                />
            )}
        </>
    );
}

// Who spoke of steps.old speaks of steps.new.
function renamed(nodes: Node[], key: number, from: string, to: string): Node[] {
    const pattern = new RegExp(`(\\bsteps\\.)${from}(?![\\w])`, 'g');
    const text = (s: string) => s.replace(/\{\{[^}]*\}\}/g, (e) => e.replace(pattern, `$1${to}`));
    const fields = (f: Fields): Fields => (f.mode === 'rows' ? { ...f, rows: f.rows.map((r) => ({ ...r, value: text(r.value) })) } : { ...f, text: text(f.text) });
    const cond = <T,>(c: T): T => (from === '' ? c : (JSON.parse(text(JSON.stringify(c))) as T));
    const one = (n: Node): Node => ({
        ...n,
        id: n.key === key ? to : n.id,
        texts: Object.fromEntries(Object.entries(n.texts).map(([name, t]) => [name, text(t)])),
        fields: Object.fromEntries(Object.entries(n.fields).map(([name, f]) => [name, fields(f)])),
        where: n.where && cond(n.where),
        arms: n.arms.map((a) => ({ ...a, when: cond(a.when) })),
    });
    return walk(nodes).reduce((all, { node }) => mapNode(all, node.key, one), nodes);
}

export function StepOptions(props: StepFormProps) {
    const { n, change, problem } = props;
    const { edit, draft } = useBuilder();
    const [id, setId] = useState(n.id);
    const fits = /^\w{1,64}$/.test(id);
    const isTaken = (name: string) => walk(draft.nodes).some(({ node }) => node.key !== n.key && node.id === name);
    return (
        <Folded summary="Options" open={problem('id') !== undefined || problem('retrySchedule') !== undefined}>
            <div class="stack">
                <div class="pair">
                    <TextField label="Name of the step" optional value={n.name} onInput={(name) => change({ name })} placeholder={titleOf({ ...n, name: '' })} />
                    <TextField
                        label="Name in variables"
                        mono
                        value={id}
                        onInput={(to) => {
                            setId(to);
                            if (/^\w{1,64}$/.test(to) && !isTaken(to)) edit((d) => ({ ...d, nodes: renamed(d.nodes, n.key, n.id, to) }));
                        }}
                        error={!fits ? 'Letters, digits and _.' : isTaken(id) ? 'Another step has this name.' : problem('id')}
                        hint={`Later steps say {{ steps.${n.id}.… }}`}
                    />
                </div>
                {kindOf(n.type).outside && <RetryField {...props} />}
                {n.type !== 'branch' && (
                    <SelectField
                        label={kindOf(n.type).outside ? 'When it has failed for good' : 'When it fails'}
                        value={n.goesOn ? 'continue' : 'fail'}
                        onChange={(to) => change({ goesOn: to === 'continue' })}
                        options={[
                            { value: 'fail', text: 'The run stops as failed; it can be tried again from here' },
                            { value: 'continue', text: 'Go on with the next step' },
                        ]}
                    />
                )}
            </div>
        </Folded>
    );
}
