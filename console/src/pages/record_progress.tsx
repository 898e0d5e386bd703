// SPDX-License-Identifier: Apache-2.0
// An import while it goes on and what has become of it; those before it.
import { useEffect, useState } from 'preact/hooks';
import { api } from '../lib/api';
import { count } from '../lib/format';
import type { ImportTask } from '../lib/imports';
import { usePaged } from '../lib/load';
import { Link } from '../lib/router';
import { Badge, Button, Card, ErrorNote, Facts, LinkButton, Note, Skeleton, Time } from '../ui/basic';
import { toast } from '../ui/toast';
import { useWorkspace } from '../workspace';

const POLL_MS = 500;

function stateOf(t: ImportTask): { label: string; tone: 'good' | 'bad' | 'warn' | 'plain' } {
    if (t.data.canceled) return { label: 'Cancelled', tone: 'plain' };
    if (t.status === 'failed') return { label: 'Failed', tone: 'bad' };
    if (t.status === 'running') return { label: t.data.dryRun ? 'Checking' : 'Importing', tone: 'plain' };
    return { label: t.data.dryRun ? 'Checked' : 'Imported', tone: t.data.failed > 0 ? 'warn' : 'good' };
}

function Errors({ task }: { task: ImportTask }) {
    const errors = task.data.errors ?? [];
    if (errors.length === 0) return null;
    return (
        <>
            <h3>Rows that {task.data.dryRun ? 'do not fit' : 'were not imported'}</h3>
            <table class="cards import-errors">
                <thead>
                    <tr>
                        <th scope="col">Line</th>
                        <th scope="col">Record</th>
                        <th scope="col">What is wrong</th>
                    </tr>
                </thead>
                <tbody>
                    {errors.map((e) => (
                        <tr key={e.line}>
                            <td class="main">{e.line}</td>
                            <td data-label="Record">{e.key ?? '–'}</td>
                            <td data-label="What is wrong">
                                <span class="wrap">{e.reason}</span>
                            </td>
                        </tr>
                    ))}
                </tbody>
            </table>
            {task.data.failed > errors.length && <p class="muted">And {count(task.data.failed - errors.length)} more.</p>}
        </>
    );
}

export function ImportProgress({ where, id, list }: { where: string; id: string; list: string }) {
    const [task, setTask] = useState<ImportTask | null>(null);
    const [error, setError] = useState<unknown>(undefined);
    const [stopping, setStopping] = useState(false);
    const running = task === null || task.status === 'running';
    useEffect(() => {
        let over = false;
        let timer: number;
        const look = () =>
            api.get<ImportTask>(`${where}/${id}`).then(
                (t) => {
                    if (over) return;
                    setTask(t);
                    setError(undefined);
                    if (t.status === 'running') timer = window.setTimeout(look, POLL_MS);
                },
                (e) => {
                    if (over) return;
                    setError(e);
                    timer = window.setTimeout(look, 6 * POLL_MS);
                },
            );
        void look();
        return () => {
            over = true;
            clearTimeout(timer);
        };
    }, [where, id]);
    if (!task)
        return <Card title="Import">{error !== undefined ? <ErrorNote error={error} /> : <Skeleton rows={3} />}</Card>;
    const d = task.data;
    const state = stateOf(task);
    const cancel = () => {
        setStopping(true);
        api.post<ImportTask>(`${where}/${id}/cancel`).then(setTask, (e) => {
            toast.failed(e);
            setStopping(false);
        });
    };
    return (
        <Card title={d.dryRun ? 'Check' : 'Import'}>
            <div class="stack">
                <div class="row" role="status">
                    <Badge tone={state.tone}>{state.label}</Badge>
                    <span class="muted">
                        {d.file && <span class="wrap">{d.file}: </span>}
                        {count(d.processed)} of {count(d.rows)} rows
                    </span>
                </div>
                {running && (
                    <div class="row nowrap">
                        <progress class="grow" aria-label="Progress of the import" max={100} value={d.percent} />
                        <Button small busy={stopping} onClick={cancel}>
                            Cancel import
                        </Button>
                    </div>
                )}
                <Facts
                    items={[
                        [d.dryRun ? 'Would be created' : 'Created', count(d.created)],
                        [d.dryRun ? 'Would be updated' : 'Updated', count(d.updated)],
                        ['Unchanged', count(d.unchanged)],
                        ['Left out', count(d.skipped)],
                        ['Wrong', count(d.failed)],
                    ]}
                />
                {d.error && <ErrorNote error={new Error(d.error)} />}
                {error !== undefined && <ErrorNote error={error} />}
                {task.status === 'finished' && d.dryRun && <Note tone={d.failed > 0 ? 'warn' : 'good'}>{d.failed > 0 ? 'Nothing was written. The other rows can be imported as they are.' : 'Nothing was written. Every row fits.'}</Note>}
                <Errors task={task} />
                {!running && !d.dryRun && (
                    <div>
                        <LinkButton to={list}>Show the records</LinkButton>
                    </div>
                )}
            </div>
        </Card>
    );
}

// The latest of this type.
export function RecentImports({ type, list }: { type: string; list: string }) {
    const { app } = useWorkspace();
    const tasks = usePaged<ImportTask>(app ? '/background-task' : null, { task: 'record.import', app_id: app?.id, limit: 50 });
    const mine = tasks.items?.filter((t) => t.data.type === type).slice(0, 10) ?? [];
    if (mine.length === 0) return null;
    return (
        <Card title="Earlier imports" flush>
            <table class="cards">
                <thead>
                    <tr>
                        <th scope="col">File</th>
                        <th scope="col">State</th>
                        <th scope="col">Rows</th>
                        <th scope="col">When</th>
                    </tr>
                </thead>
                <tbody>
                    {mine.map((t) => (
                        <tr key={t.id}>
                            <td class="main">
                                <Link to={`${list}?task=${t.id}`}>{t.data.file ?? t.id}</Link>
                            </td>
                            <td data-label="State">
                                <Badge tone={stateOf(t).tone}>{stateOf(t).label}</Badge>
                            </td>
                            <td data-label="Rows">
                                {count(t.data.processed)}
                                {t.data.failed > 0 && `, ${count(t.data.failed)} wrong`}
                            </td>
                            <td data-label="When">
                                <Time at={t.updatedAt} />
                            </td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </Card>
    );
}
