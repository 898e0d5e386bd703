// SPDX-License-Identifier: Apache-2.0
// The top of every page of one automation: its name and state, what one can do with it, and the way to its other pages.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { api } from '../lib/api';
import { type Automation, automationStatus } from '../lib/automations';
import { go, Link, usePath } from '../lib/router';
import { Button, Head, StatusBadge } from '../ui/basic';
import { Confirm } from '../ui/dialog';
import { toast } from '../ui/toast';
import { useWorkspace } from '../workspace';

// Those of an automation below its own address; `webhook`: only where requests come in.
const tabs: { path: string; text: string; webhook?: boolean }[] = [
    { path: '', text: 'Builder' },
    { path: '/runs', text: 'Runs' },
    { path: '/requests', text: 'Incoming requests', webhook: true },
    { path: '/versions', text: 'Versions' },
];

function Tabs({ automation }: { automation: Automation }) {
    const { base } = useWorkspace();
    const path = usePath();
    const here = `${base}/automations/${automation.id}`;
    const nav = useRef<HTMLElement>(null);
    // On a phone not all of them are seen.
    useEffect(() => nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }), []);
    return (
        <nav class="tabs" aria-label="Automation" ref={nav}>
            <ul>
                {tabs
                    .filter((t) => !t.webhook || automation.trigger.type === 'incoming_webhook')
                    .map((t) => (
                        <li key={t.path}>
                            <Link to={here + t.path} aria-current={path === here + t.path ? 'page' : undefined}>
                                {t.text}
                            </Link>
                        </li>
                    ))}
            </ul>
        </nav>
    );
}

function DeleteAutomation({ automation, onClose }: { automation: Automation; onClose: () => void }) {
    const { base, path } = useWorkspace();
    return (
        <Confirm
            title="Delete this automation?"
            action="Delete"
            danger
            onClose={onClose}
            onConfirm={async () => {
                const from = location.pathname;
                await api.delete(`${path}/automation/${automation.id}`);
                toast.done('The automation is deleted.');
                go(`${base}/automations`, { force: true, from });
            }}
        >
            <p>
                <strong>{automation.name}</strong>
            </p>
            <ul class="plain">
                {automation.trigger.type === 'incoming_webhook' && <li>Its Trigger URL answers 410 from now on: whoever sends to it should stop.</li>}
                <li>Nothing starts it any more. Runs under way go on to their end.</li>
            </ul>
            <p class="muted">To stop it for a while, pause it instead.</p>
        </Confirm>
    );
}

interface ActionsProps {
    automation: Automation;
    onChange: (to: Automation) => void;
    held?: boolean; // the page is changing it
    onBusy?: (on: boolean) => void; // this is
}

function Actions({ automation, onChange, held, onBusy }: ActionsProps) {
    const { path } = useWorkspace();
    const [busy, setBusy] = useState(false);
    const [deleting, setDeleting] = useState(false);
    const move = async (verb: 'pause' | 'resume', said: string) => {
        setBusy(true);
        onBusy?.(true);
        try {
            onChange(await api.post<Automation>(`${path}/automation/${automation.id}/${verb}`, {}, { headers: { 'If-Match': `"${automation.updatedAt}"` } }));
            toast.done(said);
        } catch (e) {
            toast.failed(e);
        }
        setBusy(false);
        onBusy?.(false);
    };
    return (
        <>
            <Button kind="quiet" icon="trash" label="Delete" title="Delete" onClick={() => setDeleting(true)} />
            {automation.status === 'published' && (
                <Button busy={busy || held || false} onClick={() => void move('pause', 'Paused: nothing starts it. Runs under way go on.')}>
                    Pause
                </Button>
            )}
            {automation.status === 'paused' && (
                <Button busy={busy || held || false} onClick={() => void move('resume', 'It is on again.')}>
                    Resume
                </Button>
            )}
            {deleting && <DeleteAutomation automation={automation} onClose={() => setDeleting(false)} />}
        </>
    );
}

// note: beside its state; children: more that one can do on this page.
export function AutomationHead({ note, children, ...actions }: ActionsProps & { note?: string | undefined; children?: ComponentChildren }) {
    const { automation } = actions;
    const { base, app, rights } = useWorkspace();
    return (
        <>
            <Head
                title={automation.name}
                crumbs={[{ text: app?.name ?? '…' }, { to: `${base}/automations`, text: 'Automations' }, { text: automation.name }]}
                meta={
                    <span class="row">
                        <StatusBadge status={automationStatus(automation)} />
                        {note && <span class="muted small-text">{note}</span>}
                    </span>
                }
            >
                {rights.automations && <Actions {...actions} />}
                {children}
            </Head>
            <Tabs automation={automation} />
        </>
    );
}
