// SPDX-License-Identifier: Apache-2.0
// One run: what started it, each of its steps, what it waits for; ended by hand, or tried again from where it failed.
import { useEffect, useState } from 'preact/hooks';
import { api } from '../lib/api';
import { when } from '../lib/format';
import { useLive } from '../lib/live';
import { useLoad, useNow } from '../lib/load';
import { memberText } from '../lib/jsontext';
import { Link } from '../lib/router';
import { findStep, stepTitle } from '../lib/run_steps';
import { failureAdvice, failureWords, loadRun, recordKind, recordName, type RunDetail, stateStatus, tookMs, tookWords, waitStory } from '../lib/runs';
import { Badge, Button, Card, Code, CopyButton, ErrorNote, Facts, Head, Note, Pending } from '../ui/basic';
import { Confirm } from '../ui/dialog';
import { Data } from '../ui/json';
import { toast } from '../ui/toast';
import { useWorkspace } from '../workspace';
import { RunSteps } from './run_steps';

const MAIL_LOOK_MS = 3000; // nothing tells of letters

const starters: Record<string, string> = { event: 'An event', record_changed: 'A change of a record', schedule: 'Its schedule', sequence: 'Another automation' };

function StartedBy({ run }: { run: RunDetail }) {
    const { base } = useWorkspace();
    if (run.parent && run.parentAutomationId)
        return (
            <>
                <Link to={`${base}/automations/${run.parentAutomationId}/runs/${run.parent}`}>A run of {run.parentAutomationName ?? 'another automation'}</Link>
            </>
        );
    if (run.request) return <Link to={`${base}/automations/${run.automationId}/requests/${run.request}`}>An incoming request</Link>;
    const type = typeof run.trigger?.type === 'string' ? run.trigger.type : '';
    if (type === 'event' && typeof run.trigger?.id === 'string') return <Link to={`${base}/events/${run.trigger.id}`}>{String(run.trigger.event ?? 'An event')}</Link>;
    return <>{starters[type] ?? 'Something that happened'}</>;
}

function Took({ run }: { run: RunDetail }) {
    const now = useNow(1000);
    return <>{tookWords(tookMs(run, now))}</>;
}

function RunFacts({ run }: { run: RunDetail }) {
    const { base } = useWorkspace();
    const r = run.record;
    return (
        <Card title="Details">
            <Facts
                items={[
                    [r ? recordKind(r.type) : 'Contact', r ? <Link to={`${base}/records/${encodeURIComponent(r.type)}/${r.id}`}>{recordName(r)}</Link> : run.target ? 'Was deleted' : 'None'],
                    ['Started by', <StartedBy run={run} />],
                    ['Started', when(run.startedAt)],
                    ['Ended', run.endedAt ? when(run.endedAt) : 'Not yet'],
                    [run.endedAt ? 'Took' : 'So far', <Took run={run} />],
                    ['Version', String(run.version)],
                ]}
            />
        </Card>
    );
}

function Trigger({ run }: { run: RunDetail }) {
    const body = run.triggerText === null ? null : memberText(run.triggerText, 'body');
    if (run.triggerText === null)
        return (
            <Card title="What started it">
                <p class="muted">This is no longer kept.</p>
            </Card>
        );
    const headers = Object.entries((run.trigger?.headers as Record<string, unknown> | undefined) ?? {});
    return (
        <Card title="What started it">
            <div class="stack">
                {body === null || body === 'null' ? <p class="muted">It brought no data.</p> : <Data text={body} label="Trigger data" />}
                {headers.length > 0 && (
                    <details class="plain">
                        <summary>Headers</summary>
                        <Code label="Headers" text={headers.map(([name, v]) => `${name}: ${Array.isArray(v) ? v.join(', ') : String(v)}`).join('\n')} copy={false} />
                    </details>
                )}
                <details class="plain">
                    <summary>All that steps know as “trigger”</summary>
                    <Data text={run.triggerText} label="Trigger" />
                </details>
            </div>
        </Card>
    );
}

function Story({ run }: { run: RunDetail }) {
    if (run.waitingFor) return <Note tone={run.waitingFor.type === 'retry' ? 'warn' : 'plain'}>{waitStory(run.waitingFor)}</Note>;
    if (run.status === 'failed') {
        const step = findStep(run.definition, run.step);
        return (
            <Note tone="bad">
                <p>
                    {step ? (
                        <>
                            The step <strong>{stepTitle(step)}</strong> failed: {failureWords(run)}
                        </>
                    ) : (
                        failureWords(run)
                    )}
                </p>
                <p>{failureAdvice(run, step?.type)}</p>
            </Note>
        );
    }
    if (run.status === 'cancelled') return <Note>{run.error ? `It was cancelled: ${run.error}.` : 'It was cancelled by hand.'}</Note>;
    return null;
}

function CancelDialog({ where, onClose, onDone }: { where: string; onClose: () => void; onDone: () => void }) {
    return (
        <Confirm
            title="Cancel this run?"
            action="Cancel run"
            dismiss="Keep it going"
            danger
            onClose={onClose}
            onConfirm={async () => {
                await api.post(`${where}/cancel`);
                toast.done('The run is cancelled.');
                onDone();
            }}
        >
            <p>It ends where it is: what its steps have done stays, what is still ahead is not done. A cancelled run cannot be continued.</p>
        </Confirm>
    );
}

function RetryDialog({ run, where, onClose, onDone }: { run: RunDetail; where: string; onClose: () => void; onDone: () => void }) {
    const step = findStep(run.definition, run.step);
    return (
        <Confirm
            title="Retry from the failed step?"
            action="Retry"
            onClose={onClose}
            onConfirm={async () => {
                await api.post(`${where}/retry`);
                toast.done('The run continues.');
                onDone();
            }}
        >
            <p>
                The step <strong>{step ? stepTitle(step) : run.step}</strong> is done once more, then those behind it. What was done before is not done again.
            </p>
            <p class="muted">The run keeps version {run.version} of the automation, also when there is a newer one.</p>
        </Confirm>
    );
}

export function RunPage({ params }: { params: Record<string, string> }) {
    const { id, base, path, app, rights } = useWorkspace();
    const where = `${path}/automation/${encodeURIComponent(params.auto!)}/run/${encodeURIComponent(params.run!)}`;
    const loaded = useLoad(where, (signal) => loadRun(where, signal));
    const [dialog, setDialog] = useState<'cancel' | 'retry' | null>(null);
    const run = loaded.data;
    useLive(id, (e) => e.kind === 'run' && e.data.id === params.run, loaded.reload);
    const mailing = run?.steps.some((s) => s.mail?.status === 'queued') ?? false;
    useEffect(() => {
        if (!mailing) return undefined;
        const timer = setInterval(() => document.hidden || loaded.reload(), MAIL_LOOK_MS);
        return () => clearInterval(timer);
    }, [mailing, loaded.reload]);
    const auto = `${base}/automations/${params.auto}`;
    const crumbs = [
        { text: app?.name ?? '…' },
        { to: `${base}/automations`, text: 'Automations' },
        { to: auto, text: run?.automationName ?? '…' },
        { to: `${auto}/runs`, text: 'Runs' },
        { text: run ? when(run.startedAt) : '…' },
    ];
    if (!run)
        return (
            <>
                <Head title="Run" crumbs={crumbs} />
                <Pending of={loaded} />
            </>
        );
    const status = stateStatus(run.status);
    const open = run.status === 'running' || run.status === 'waiting';
    const done = () => {
        setDialog(null);
        loaded.reload();
    };
    return (
        <>
            <Head
                title={`Run of ${run.automationName ?? 'an automation'}`}
                crumbs={crumbs}
                meta={
                    <span class="row">
                        <span role="status">
                            <Badge tone={status.tone}>{status.label}</Badge>
                        </span>
                        <span class="mono muted">{run.id}</span>
                        <CopyButton text={run.id} label="Copy id" />
                    </span>
                }
            >
                {rights.automations && open && (
                    <Button kind="danger" onClick={() => setDialog('cancel')}>
                        Cancel run
                    </Button>
                )}
                {rights.automations && run.status === 'failed' && (
                    <Button kind="primary" icon="replay" onClick={() => setDialog('retry')}>
                        Retry from the failed step
                    </Button>
                )}
            </Head>
            {loaded.error !== undefined && <ErrorNote error={loaded.error} retry={loaded.reload} />}
            <Story run={run} />
            <div class="columns">
                <Card title="Steps" flush>
                    <RunSteps run={run} />
                </Card>
                <div class="stack">
                    <RunFacts run={run} />
                    <Trigger run={run} />
                </div>
            </div>
            {dialog === 'cancel' && <CancelDialog where={where} onClose={() => setDialog(null)} onDone={done} />}
            {dialog === 'retry' && <RetryDialog run={run} where={where} onClose={() => setDialog(null)} onDone={done} />}
        </>
    );
}
