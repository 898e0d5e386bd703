// SPDX-License-Identifier: Apache-2.0
// Short messages about what was done. They go by themselves, except errors.
import { useEffect } from 'preact/hooks';
import { errorText } from '../lib/api';
import { useValue, value } from '../lib/store';
import { Button } from './basic';
import { Icon } from './icons';

interface Toast {
    id: number;
    text: string;
    bad: boolean;
}

const toasts = value<Toast[]>([]);
let last = 0;

function show(text: string, bad: boolean): void {
    const same = toasts.get().filter((t) => t.text !== text);
    toasts.set([...same.slice(-2), { id: ++last, text, bad }]);
}

export const toast = {
    done: (text: string) => show(text, false),
    failed: (error: unknown) => show(errorText(error), true),
};

function Item({ item }: { item: Toast }) {
    const close = () => toasts.set(toasts.get().filter((t) => t.id !== item.id));
    useEffect(() => {
        if (item.bad) return undefined;
        const timer = setTimeout(close, 5000);
        return () => clearTimeout(timer);
    }, [item.id]);
    return (
        <div class={`toast ${item.bad ? 'bad' : 'good'}`}>
            <Icon name={item.bad ? 'warn' : 'check'} />
            <span class="grow">{item.text}</span>
            <Button kind="quiet" small icon="close" label="Dismiss" onClick={close} />
        </div>
    );
}

export function Toasts() {
    const items = useValue(toasts);
    return (
        <div class="toasts" role="status">
            {items.map((item) => (
                <Item key={item.id} item={item} />
            ))}
        </div>
    );
}
