// SPDX-License-Identifier: Apache-2.0
// Trying again what failed at an endpoint in a span of time: one new attempt for each event. The work goes on by itself; its
// progress is shown.
import { useEffect, useState } from 'preact/hooks';
import { api, ApiError } from '../lib/api';
import { count, toIso, toLocal } from '../lib/format';
import type { Endpoint, Task } from '../lib/types';
import { Badge, Button, ErrorNote, Field, SelectField } from '../ui/basic';
import { Dialog } from '../ui/dialog';
import { useWorkspace } from '../workspace';

const POLL_MS = 1000;

const numbers = (data: Record<string, unknown> | undefined) => Object.entries(data ?? {}).filter((e): e is [string, number] => typeof e[1] === 'number');

// Watches a background job to its end. A portal may not look at jobs: it is told only that the work has begun.
export function TaskProgress({ task, onEnd }: { task: Task; onEnd?: () => void }) {
    const { rights } = useWorkspace();
    const [now, setNow] = useState(task);
    const [error, setError] = useState<unknown>(null);
    const [hidden, setHidden] = useState(false);
    const over = now.status !== 'running';
    useEffect(() => {
        if (over || hidden) {
            if (over) onEnd?.();
            return undefined;
        }
        const timer = setTimeout(() => {
            api.get<Task>(`/background-task/${task.id}`).then(
                (t) => (setNow(t), setError(null)),
                (e) => (e instanceof ApiError && (e.status === 403 || e.status === 404) ? setHidden(true) : (setError(e), setNow({ ...now }))),
            );
        }, POLL_MS);
        return () => clearTimeout(timer);
    }, [now, over, hidden]);
    const words: Record<Task['status'], string> = { running: 'Running', finished: 'Done', failed: 'Failed', cancelled: 'Cancelled' };
    const total = Number(now.data?.total ?? 0);
    const done = Number(now.data?.done ?? now.data?.replayed ?? 0);
    return (
        <div class="stack" role="status">
            <div class="row">
                <Badge tone={now.status === 'finished' ? 'good' : now.status === 'failed' ? 'bad' : 'plain'}>{hidden ? 'Begun' : words[now.status]}</Badge>
                {numbers(now.data).map(([name, n]) => (
                    <span class="muted" key={name}>
                        {name}: {count(n)}
                    </span>
                ))}
                {!over && !hidden && rights.replay && (
                    <Button small onClick={() => void api.post(`/background-task/${task.id}/cancel`).then(() => setNow({ ...now }), setError)}>
                        Cancel
                    </Button>
                )}
            </div>
            {!over && !hidden && (total > 0 ? <progress aria-label="Progress" max={total} value={done} /> : <progress aria-label="Progress" />)}
            {hidden && <p class="muted">The new attempts appear in the list as they are made.</p>}
            {error !== null && <ErrorNote error={error} />}
        </div>
    );
}

const spans = [
    { value: '3600', text: 'The last hour' },
    { value: '86400', text: 'The last 24 hours' },
    { value: '604800', text: 'The last 7 days' },
    { value: '1209600', text: 'The last 14 days' },
    { value: 'custom', text: 'From … to …' },
];

export function RecoverDialog({ endpoint, onClose }: { endpoint: Endpoint; onClose: () => void }) {
    const { path } = useWorkspace();
    const [what, setWhat] = useState<'recover' | 'replay-missing'>('recover');
    const [span, setSpan] = useState('86400');
    const [from, setFrom] = useState(toLocal(new Date(Date.now() - 86_400_000).toISOString()));
    const [to, setTo] = useState('');
    const [task, setTask] = useState<Task | null>(null);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const start = async () => {
        setBusy(true);
        setError(null);
        try {
            const since = span === 'custom' ? toIso(from) : new Date(Date.now() - Number(span) * 1000 + 1000).toISOString();
            const until = span === 'custom' && to ? toIso(to) : null;
            setTask(await api.post<Task>(`${path}/endpoint/${endpoint.id}/${what}`, { since, ...(until ? { until } : {}) }));
        } catch (e) {
            setError(e);
        }
        setBusy(false);
    };
    return (
        <Dialog title="Recover" onClose={onClose}>
            <div class="dialog-body">
                {task ? (
                    <TaskProgress task={task} />
                ) : (
                    <>
                        <SelectField
                            label="What"
                            value={what}
                            onChange={(v) => setWhat(v as 'recover')}
                            options={[
                                { value: 'recover', text: 'Events that failed' },
                                { value: 'replay-missing', text: 'Events that were never queued for it' },
                            ]}
                            hint={what === 'recover' ? 'One new attempt for each, with exactly the same content.' : 'For example those that happened while it was disabled.'}
                        />
                        <SelectField label="Of" value={span} onChange={setSpan} options={spans} />
                        {span === 'custom' && (
                            <div class="pair">
                                <Field label="From">{(ids) => <input {...ids} type="datetime-local" value={from} onInput={(e) => setFrom(e.currentTarget.value)} />}</Field>
                                <Field label="To" optional>
                                    {(ids) => <input {...ids} type="datetime-local" value={to} onInput={(e) => setTo(e.currentTarget.value)} />}
                                </Field>
                            </div>
                        )}
                        {error !== null && <ErrorNote error={error} />}
                    </>
                )}
            </div>
            <div class="dialog-foot">
                <Button onClick={onClose}>{task ? 'Close' : 'Cancel'}</Button>
                {!task && (
                    <Button kind="primary" busy={busy} onClick={() => void start()}>
                        Start
                    </Button>
                )}
            </div>
        </Dialog>
    );
}
