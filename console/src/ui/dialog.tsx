// SPDX-License-Identifier: Apache-2.0
// Dialogs are the browser's own: it keeps the focus inside, closes on Escape and gives the focus back.
import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { errorText } from '../lib/api';
import { Button } from './basic';

export function Dialog({ title, onClose, children, wide }: { title: string; onClose: () => void; children: ComponentChildren; wide?: boolean }) {
    const ref = useRef<HTMLDialogElement>(null);
    const id = useId();
    // At once: what is typed next belongs into it.
    useLayoutEffect(() => {
        const dialog = ref.current!;
        const before = document.activeElement as HTMLElement | null;
        dialog.showModal();
        dialog.querySelector<HTMLElement>('[data-first]')?.focus();
        return () => {
            dialog.close();
            before?.focus?.();
        };
    }, []);
    return (
        <dialog
            ref={ref}
            class={wide ? 'wide' : ''}
            aria-labelledby={id}
            onCancel={(event) => {
                event.preventDefault();
                onClose();
            }}
        >
            <div class="dialog-head">
                <h2 id={id}>{title}</h2>
                <Button kind="quiet" icon="close" small label="Close" onClick={onClose} />
            </div>
            {children}
        </dialog>
    );
}

interface ConfirmProps {
    title: string;
    action: string;
    danger?: boolean;
    dismiss?: string; // where "Cancel" would say what the action does
    children: ComponentChildren;
    onClose: () => void;
    onConfirm: () => Promise<unknown>;
}

// Says what will happen, and stays open with the reason when it did not.
export function Confirm({ title, action, danger, dismiss = 'Cancel', children, onClose, onConfirm }: ConfirmProps) {
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const confirm = async () => {
        setBusy(true);
        setError(null);
        try {
            await onConfirm();
        } catch (e) {
            setError(e);
            setBusy(false);
        }
    };
    return (
        <Dialog title={title} onClose={onClose}>
            <div class="dialog-body">
                {children}
                {error !== null && (
                    <p class="field-error" role="alert">
                        {errorText(error)}
                    </p>
                )}
            </div>
            <div class="dialog-foot">
                <Button onClick={onClose}>{dismiss}</Button>
                <Button kind={danger ? 'danger' : 'primary'} busy={busy} onClick={() => void confirm()}>
                    {action}
                </Button>
            </div>
        </Dialog>
    );
}
