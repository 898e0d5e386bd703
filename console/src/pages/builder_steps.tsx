// SPDX-License-Identifier: Apache-2.0
// The flow: the steps in their order, branches with steps of their own, and what one adds to it.
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { conditionWords } from '../lib/conditions';
import { usePreviews } from '../lib/preview';
import { kindOf, kinds, newNode, textsOf, titleOf } from '../lib/step_kinds';
import { type Arm, before, freeId, type ListId, mapList, mapNode, newArm, type Node, walk, without } from '../lib/steps';
import { variableGroups } from '../lib/variables';
import { Button, TextField } from '../ui/basic';
import { Confirm, Dialog } from '../ui/dialog';
import { Icon } from '../ui/icons';
import { SurroundingsContext } from '../ui/template';
import { StepCard } from './builder_card';
import { ConditionEditor, conditionTexts } from './builder_condition';
import { forms } from './builder_forms';
import { MoveButtons, MoveHere } from './builder_move';
import { StepOptions } from './builder_options';
import { problemAt, useBuilder } from './builder_state';

const HEAD_HEIGHT = 136; // of what stays at the top of the page
const groups = ['Contacts and records', 'Messages', 'Flow'] as const;

// ---- adding ----

function KindDialog({ onPick, onClose }: { onPick: (type: string) => void; onClose: () => void }) {
    return (
        <Dialog title="Add a step" onClose={onClose} wide>
            <div class="dialog-body">
                {groups.map((g) => (
                    <div class="kind-group" key={g}>
                        <h3>{g}</h3>
                        <div class="kinds">
                            {kinds
                                .filter((k) => k.group === g)
                                .map((k) => (
                                    <button type="button" class="kind" key={k.type} onClick={() => onPick(k.type)}>
                                        <Icon name={k.icon} />
                                        <span>
                                            <strong>{k.name}</strong>
                                            <span class="hint">{k.what}</span>
                                        </span>
                                    </button>
                                ))}
                        </div>
                    </div>
                ))}
            </div>
        </Dialog>
    );
}

// The record that a step at this place is most likely about.
function likelyTarget(earlier: Node[]): string {
    const found = [...earlier].reverse().find((n) => n.type === 'upsert_record');
    return found ? `{{ steps.${found.id}.id }}` : '{{ contact.id }}';
}

function useAdd(list: ListId, index: number): (type: string) => void {
    const { edit, setOpen, recordTypes, fresh } = useBuilder();
    return (type) => {
        const known = recordTypes.map((r) => r.name);
        let key = 0;
        edit((d) => {
            // Where it will stand decides what stands before it.
            const probe = newNode('set', '', '');
            const placed = mapList(d.nodes, list, (l) => [...l.slice(0, index), probe, ...l.slice(index)]);
            const node = newNode(type, likelyTarget(before(placed, probe.key) ?? []), known.includes('contact') ? 'contact' : (known[0] ?? 'contact'));
            node.id = freeId(d.nodes, kindOf(type).id);
            key = node.key;
            return { ...d, nodes: mapList(d.nodes, list, (l) => [...l.slice(0, index), node, ...l.slice(index)]) };
        });
        fresh.key = key;
        setOpen(key);
    };
}

function AddStep({ list, index, nodes, big }: { list: ListId; index: number; nodes: Node[]; big?: boolean }) {
    const { readOnly, moving } = useBuilder();
    const [open, setOpen] = useState(false);
    const add = useAdd(list, index);
    if (readOnly) return <div class="flow-line-only" aria-hidden="true" />;
    if (moving !== null) return <MoveHere list={list} index={index} nodes={nodes} />;
    return (
        <div class={`flow-add${big ? ' big' : ''}`}>
            {big ? (
                <Button icon="plus" onClick={() => setOpen(true)}>
                    Add step
                </Button>
            ) : (
                <Button small icon="plus" label="Add step here" title="Add step here" onClick={() => setOpen(true)} />
            )}
            {open && (
                <KindDialog
                    onClose={() => setOpen(false)}
                    onPick={(type) => {
                        setOpen(false);
                        add(type);
                    }}
                />
            )}
        </div>
    );
}

// ---- branches ----

function ArmEditor({ node, arm, index, path }: { node: Node; arm: Arm; index: number; path: string }) {
    const { edit, readOnly, problems } = useBuilder();
    const change = (part: Partial<Arm>) => edit((d) => ({ ...d, nodes: mapNode(d.nodes, node.key, (n) => ({ ...n, arms: n.arms.map((a) => (a.key === arm.key ? { ...a, ...part } : a)) })) }));
    const remove = () => edit((d) => ({ ...d, nodes: mapNode(d.nodes, node.key, (n) => ({ ...n, arms: n.arms.filter((a) => a.key !== arm.key) })) }));
    return (
        <fieldset class="bare way-form" disabled={readOnly}>
            <div class="field-head">
                <strong>Way {index + 1}</strong>
                {node.arms.length > 1 && <Button kind="quiet" small icon="trash" label={`Remove way ${index + 1}`} onClick={remove} />}
            </div>
            <TextField label="Name" optional value={arm.name} onInput={(name) => change({ name })} placeholder="Large orders" />
            <ConditionEditor cond={arm.when} place={`arm.${arm.key}`} onChange={(when) => change({ when })} problem={problemAt(problems, `steps.${path}.branches.${index}.when`)} />
        </fieldset>
    );
}

function Arms({ node, path, number }: { node: Node; path: string; number: string }) {
    return (
        <div class="ways">
            {node.arms.map((a, i) => (
                <div class="way" key={a.key} role="group" aria-label={`Step ${number}, way ${i + 1}`}>
                    <p class="way-title">
                        <strong>{a.name || `Way ${i + 1}`}</strong> <span class="muted">when {conditionWords(a.when)}</span>
                    </p>
                    <Flow nodes={a.nodes} list={`${node.key}:${a.key}`} path={`${path}.branches.${i}.steps.`} number={`${number}.${i + 1}.`} />
                </div>
            ))}
            <div class="way" role="group" aria-label={`Step ${number}, otherwise`}>
                <p class="way-title">
                    <strong>Otherwise</strong>
                </p>
                <Flow nodes={node.otherwise} list={`${node.key}:else`} path={`${path}.else.`} number={`${number}.${node.arms.length + 1}.`} />
            </div>
        </div>
    );
}

// ---- one step ----

function StepBody({ node, path }: { node: Node; path: string }) {
    const { draft, edit, problems, readOnly, sample, sampleLoading, where, fresh } = useBuilder();
    const earlier = useMemo(() => before(draft.nodes, node.key) ?? [], [draft.nodes, node.key]);
    const found = useMemo(() => variableGroups(sample?.variables ?? [], earlier, sample?.contact ?? null, draft.trigger.type), [sample, earlier, draft.trigger.type]);
    const texts = [...textsOf(node), ...(node.where ? conditionTexts(node.where, 'where').filter((t) => !t.text.includes('event.')) : []), ...node.arms.flatMap((a) => conditionTexts(a.when, `arm.${a.key}`))];
    const previews = usePreviews(where, sample, earlier, texts, !readOnly);
    const change = (part: Partial<Node>) => edit((d) => ({ ...d, nodes: mapNode(d.nodes, node.key, (n) => ({ ...n, ...part })) }));
    const problem = (member: string) => (member === '' ? problems[`steps.${path}`] : problemAt(problems, `steps.${path}.${member}`));
    const Form = forms[node.type];
    const form = useRef<HTMLDivElement>(null);
    // At once, and after the dialog has given the focus back to where it came from: what is typed next belongs here.
    useLayoutEffect(() => {
        const added = fresh.key === node.key;
        const card = form.current?.closest('section');
        const at = card?.getBoundingClientRect();
        if (at && (at.top < HEAD_HEIGHT || (added && at.bottom > innerHeight))) card!.scrollIntoView({ block: 'start' });
        if (!added) return;
        fresh.key = 0;
        form.current?.querySelector<HTMLElement>('input, select, textarea')?.focus({ preventScroll: true });
    }, []);
    return (
        <SurroundingsContext.Provider value={{ groups: found, previews, loading: sampleLoading, readOnly }}>
            <div class="stack" ref={form}>
                <fieldset class="bare" disabled={readOnly}>{Form ? <Form n={node} change={change} problem={problem} /> : <p class="muted">This kind of step is edited by the API.</p>}</fieldset>
                {node.type === 'branch' && (
                    <>
                        {node.arms.map((a, i) => (
                            <ArmEditor key={a.key} node={node} arm={a} index={i} path={path} />
                        ))}
                        {!readOnly && (
                            <div>
                                <Button small icon="plus" onClick={() => change({ arms: [...node.arms, newArm()] })}>
                                    Add way
                                </Button>
                            </div>
                        )}
                    </>
                )}
                <fieldset class="bare" disabled={readOnly}>
                    <StepOptions n={node} change={change} problem={problem} />
                </fieldset>
            </div>
        </SurroundingsContext.Provider>
    );
}

function StepActions({ node, index, count, title }: { node: Node; index: number; count: number; title: string }) {
    const { edit, setOpen, open } = useBuilder();
    const [asking, setAsking] = useState(false);
    const nodes = (fn: (n: Node[]) => Node[]) => edit((d) => ({ ...d, nodes: fn(d.nodes) }));
    const inside = walk([node]).length - 1;
    const remove = () => {
        if (open === node.key) setOpen(null);
        nodes((n) => without(n, node.key));
    };
    return (
        <>
            <MoveButtons node={node} index={index} count={count} title={title} />
            <Button kind="quiet" small icon="trash" label={`Remove ${title}`} title="Remove" onClick={() => (inside > 0 ? setAsking(true) : remove())} />
            {asking && (
                <Confirm title={`Remove ${title}?`} action="Remove" danger onClose={() => setAsking(false)} onConfirm={() => Promise.resolve(remove())}>
                    <p>{inside === 1 ? 'The step in it goes too.' : `The ${inside} steps in it go too.`}</p>
                </Confirm>
            )}
        </>
    );
}

function StepItem({ node, index, count, path, number }: { node: Node; index: number; count: number; path: string; number: string }) {
    const { open, setOpen, problems, readOnly, sequences } = useBuilder();
    const kind = kindOf(node.type);
    const title = titleOf(node);
    const line = kind.line(node, (id) => sequences.find((s) => s.id === id)?.name ?? id);
    const own = `steps.${path}`;
    const bad = Object.keys(problems).some((p) => p === own || (p.startsWith(`${own}.`) && !/^(branches\.\d+\.steps|else)\b/.test(p.slice(own.length + 1))));
    return (
        <>
            <StepCard icon={kind.icon} label={`Step ${number}`} title={title} line={line} open={open === node.key} onToggle={() => setOpen(open === node.key ? null : node.key)} bad={bad} actions={!readOnly && <StepActions node={node} index={index} count={count} title={title} />}>
                <StepBody node={node} path={path} />
            </StepCard>
            {node.type === 'branch' && <Arms node={node} path={path} number={number} />}
        </>
    );
}

export function Flow({ nodes, list, path, number }: { nodes: Node[]; list: ListId; path: string; number: string }) {
    return (
        <ol class="flow">
            {nodes.map((n, i) => (
                <li key={n.key}>
                    <AddStep list={list} index={i} nodes={nodes} />
                    <StepItem node={n} index={i} count={nodes.length} path={`${path}${i}`} number={`${number}${i + 1}`} />
                </li>
            ))}
            <li key="add">
                <AddStep list={list} index={nodes.length} nodes={nodes} big />
            </li>
        </ol>
    );
}
