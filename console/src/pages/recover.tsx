// SPDX-License-Identifier: Apache-2.0
// Sending again what failed in a span of time, at one endpoint or all: one new attempt for each event.
import { useState } from 'preact/hooks';
import { api } from '../lib/api';
import { toIso, toLocal } from '../lib/format';
import type { Endpoint, EventType, Task } from '../lib/types';
import { Button, ErrorNote, Field, SelectField } from '../ui/basic';
import { Dialog } from '../ui/dialog';
import { useWorkspace } from '../workspace';
import { TaskProgress } from './tasks';

type What = 'recover' | 'replay-missing';

const spans = [
    { value: '3600', text: 'The last hour' },
    { value: '86400', text: 'The last 24 hours' },
    { value: '604800', text: 'The last 7 days' },
    { value: '1209600', text: 'The last 14 days' },
    { value: 'custom', text: 'From … to …' },
];

interface Begun {
    endpoint: Endpoint;
    task?: Task;
    error?: unknown;
}

interface Props {
    title: string;
    endpoints: Endpoint[]; // more than one: which, or all, can be chosen
    types?: EventType[];
    onClose: () => void;
}

function nameOf(e: Endpoint): string {
    return e.name || e.url;
}

export function RecoverDialog({ title, endpoints, types, onClose }: Props) {
    const { path } = useWorkspace();
    const [what, setWhat] = useState<What>('recover');
    const [where, setWhere] = useState(endpoints.length === 1 ? endpoints[0]!.id : '');
    const [type, setType] = useState('');
    const [span, setSpan] = useState('86400');
    const [from, setFrom] = useState(toLocal(new Date(Date.now() - 86_400_000).toISOString()));
    const [to, setTo] = useState('');
    const [busy, setBusy] = useState(false);
    const [begun, setBegun] = useState<Begun[] | null>(null);

    const start = async () => {
        setBusy(true);
        const since = span === 'custom' ? toIso(from) : new Date(Date.now() - Number(span) * 1000 + 2000).toISOString();
        const until = span === 'custom' && to ? toIso(to) : null;
        const body = { since, ...(until ? { until } : {}), ...(type ? { eventTypes: [type], status: 2 } : {}) };
        const route = what === 'recover' && type ? 'bulk-replay' : what;
        const chosen = endpoints.filter((e) => (where === '' ? !e.disabled : e.id === where));
        const out: Begun[] = [];
        for (const endpoint of chosen) {
            try {
                out.push({ endpoint, task: await api.post<Task>(`${path}/endpoint/${endpoint.id}/${route}`, body) });
            } catch (error) {
                out.push({ endpoint, error });
            }
        }
        setBegun(out);
        setBusy(false);
    };

    return (
        <Dialog title={title} onClose={onClose}>
            <div class="dialog-body">
                {begun ? (
                    begun.length === 0 ? (
                        <p>No endpoint is enabled.</p>
                    ) : (
                        begun.map((b) => (b.task ? <TaskProgress key={b.endpoint.id} task={b.task} name={nameOf(b.endpoint)} /> : <ErrorNote key={b.endpoint.id} error={b.error} />))
                    )
                ) : (
                    <>
                        <SelectField
                            label="What"
                            value={what}
                            onChange={(v) => setWhat(v as What)}
                            options={[
                                { value: 'recover', text: 'Events that failed' },
                                { value: 'replay-missing', text: 'Events that were never queued' },
                            ]}
                            hint={what === 'recover' ? 'One new attempt for each, with exactly the same payload.' : 'For example those that happened while the endpoint was disabled.'}
                        />
                        {endpoints.length !== 1 && (
                            <SelectField label="Endpoint" value={where} onChange={setWhere} options={[{ value: '', text: 'All that are enabled' }, ...endpoints.map((e) => ({ value: e.id, text: nameOf(e) }))]} />
                        )}
                        {types && what === 'recover' && <SelectField label="Event type" value={type} onChange={setType} options={[{ value: '', text: 'All types' }, ...types.map((t) => ({ value: t.name, text: t.name }))]} />}
                        <SelectField label="When" value={span} onChange={setSpan} options={spans} />
                        {span === 'custom' && (
                            <div class="pair">
                                <Field label="From">{(ids) => <input {...ids} type="datetime-local" value={from} onInput={(e) => setFrom(e.currentTarget.value)} />}</Field>
                                <Field label="To" optional>
                                    {(ids) => <input {...ids} type="datetime-local" value={to} onInput={(e) => setTo(e.currentTarget.value)} />}
                                </Field>
                            </div>
                        )}
                    </>
                )}
            </div>
            <div class="dialog-foot">
                <Button onClick={onClose}>{begun ? 'Close' : 'Cancel'}</Button>
                {!begun && (
                    <Button kind="primary" icon="replay" busy={busy} onClick={() => void start()}>
                        Start
                    </Button>
                )}
            </div>
        </Dialog>
    );
}
