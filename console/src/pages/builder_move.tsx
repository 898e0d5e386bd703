// SPDX-License-Identifier: Apache-2.0
// Steps in another order: one up or down, or anywhere, also into the ways of branches and out of them. A step that is to move is
// picked up, and every place that it can go to has a button then; so it works by pointer, finger and keyboard.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type ListId, moved, movedTo, type Node, walk } from '../lib/steps';
import { titleOf } from '../lib/step_kinds';
import { Button } from '../ui/basic';
import { type Builder, type MoveButton, useBuilder } from './builder_state';

// A moved card takes the focus with it: what is moved in the document loses it. At once when the builder has been rendered anew: keys
// that come before the next frame are meant for it, too.
export function useFocusOnMoved(): Builder['focusOn'] {
    const wanted = useRef<{ key: number; first: MoveButton } | null>(null);
    useLayoutEffect(() => {
        if (!wanted.current) return;
        const { key, first } = wanted.current;
        const of = (which: MoveButton) => document.querySelector<HTMLButtonElement>(`[data-move="${which} ${key}"]:not(:disabled)`);
        const button = of(first) ?? of('move') ?? of('up') ?? of('down');
        wanted.current = null;
        button?.focus({ preventScroll: true });
        button?.closest('section')?.scrollIntoView({ block: 'nearest' });
    });
    return (key, first) => (wanted.current = { key, first });
}

export function MoveButtons({ node, index, count, title }: { node: Node; index: number; count: number; title: string }) {
    const { edit, draft, moving, setMoving, setOpen, focusOn } = useBuilder();
    const [said, setSaid] = useState('');
    const by = (step: -1 | 1) => {
        edit((d) => ({ ...d, nodes: moved(d.nodes, node.key, step) }));
        setSaid(`${title} is number ${index + 1 + step} of ${count} now.`);
        focusOn(node.key, step < 0 ? 'up' : 'down');
    };
    const elsewhere = draft.nodes.some((n) => n.type === 'branch') && walk(draft.nodes).length > 1;
    return (
        <>
            {elsewhere && (
                <Button
                    kind="quiet"
                    small
                    icon="move"
                    label={`Move ${title} elsewhere`}
                    title="Move elsewhere"
                    aria-pressed={moving === node.key}
                    data-move={`move ${node.key}`}
                    onClick={() => {
                        setOpen(null);
                        setMoving(moving === node.key ? null : node.key);
                        focusOn(node.key, 'move');
                    }}
                />
            )}
            <Button kind="quiet" small icon="up" label={`Move ${title} up`} title="Move up" disabled={index === 0} data-move={`up ${node.key}`} onClick={() => by(-1)} />
            <Button kind="quiet" small icon="down" label={`Move ${title} down`} title="Move down" disabled={index === count - 1} data-move={`down ${node.key}`} onClick={() => by(1)} />
            <span class="unseen" role="status">
                {said}
            </span>
        </>
    );
}

// A place between steps, while one is being moved.
export function MoveHere({ list, index, nodes }: { list: ListId; index: number; nodes: Node[] }) {
    const { edit, draft, moving, setMoving, focusOn } = useBuilder();
    const node = walk(draft.nodes).find((w) => w.node.key === moving)?.node;
    // Where it is, and within itself, there is nothing to choose.
    if (!node || nodes[index]?.key === moving || nodes[index - 1]?.key === moving || walk([node]).some((w) => list.startsWith(`${w.node.key}:`))) return <div class="flow-line-only" aria-hidden="true" />;
    const here = () => {
        edit((d) => ({ ...d, nodes: movedTo(d.nodes, node.key, list, index) }));
        setMoving(null);
        focusOn(node.key, 'move');
    };
    return (
        <div class="flow-add">
            <Button small icon="move" label={`Move ${titleOf(node)} here`} onClick={here}>
                Move here
            </Button>
        </div>
    );
}

// While a step is being moved: what to do, and the way back.
export function Moving() {
    const { draft, moving, setMoving, focusOn } = useBuilder();
    const node = walk(draft.nodes).find((w) => w.node.key === moving)?.node;
    const end = () => {
        setMoving(null);
        if (node) focusOn(node.key, 'move');
    };
    useLayoutEffect(() => {
        if (!node) return undefined;
        const escape = (e: KeyboardEvent) => e.key === 'Escape' && end();
        document.addEventListener('keydown', escape);
        return () => document.removeEventListener('keydown', escape);
    }, [node?.key]);
    return (
        <div class={node ? 'moving' : 'unseen'}>
            <span role="status">{node && `Choose where “${titleOf(node)}” goes.`}</span>
            {node && (
                <Button small onClick={end}>
                    Cancel
                </Button>
            )}
        </div>
    );
}
