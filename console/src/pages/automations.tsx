// SPDX-License-Identifier: Apache-2.0
// The automations of a workspace: what starts them, whether they are on, how the last run went.
import { useMemo } from 'preact/hooks';
import { type Automation, automationStatus, triggerLine } from '../lib/automations';
import { count } from '../lib/format';
import { useLive } from '../lib/live';
import { all, useLoad } from '../lib/load';
import { go, Link, setQuery, useQuery } from '../lib/router';
import { type Run, stateStatus } from '../lib/runs';
import { Badge, Card, Empty, ErrorNote, Head, LinkButton, Search, Skeleton, StatusBadge, Time } from '../ui/basic';
import { useWorkspace } from '../workspace';

const COUNT_MAX = 10_000; // beyond that the server stops counting

function LastRunCell({ to, run }: { to: string; run: Run | null }) {
    if (!run) return <span class="muted">None yet</span>;
    const status = stateStatus(run.status);
    return (
        <Link to={`${to}/${run.id}`} class="status">
            <Badge tone={status.tone}>{status.label}</Badge>
            <span class="muted small-text">
                <Time at={run.startedAt} />
            </span>
        </Link>
    );
}

export function AutomationsPage() {
    const { base, path, app, rights, id } = useWorkspace();
    const loaded = useLoad(`automations ${path}`, (signal) => all<Automation>(`${path}/automation`, { with_runs: true }, signal));
    useLive(id, (e) => e.kind === 'request' || e.kind === 'run', loaded.reload);
    const search = useQuery().get('q') ?? '';
    const rows = useMemo(() => {
        const words = search.toLowerCase().split(/\s+/).filter(Boolean);
        return loaded.data?.filter((a) => words.every((w) => `${a.name} ${triggerLine(a.trigger)}`.toLowerCase().includes(w)));
    }, [loaded.data, search]);
    return (
        <>
            <Head title="Automations" crumbs={[{ text: app?.name ?? '…' }, { text: 'Automations' }]}>
                {rights.automations && (
                    <LinkButton to={`${base}/automations/new`} kind="primary" icon="plus">
                        New Automation
                    </LinkButton>
                )}
            </Head>
            {loaded.error !== undefined && <ErrorNote error={loaded.error} retry={loaded.reload} />}
            <Card flush>
                {(loaded.data?.length ?? 0) > 5 && (
                    <div class="filters">
                        <Search label="Search automations" value={search} onInput={(q) => setQuery({ q })} />
                    </div>
                )}
                {!rows && loaded.loading && <Skeleton rows={5} />}
                {loaded.data?.length === 0 && (
                    <Empty title="No automations yet">
                        <p>An automation does steps when something happens: a purchase in your shop creates the contact, tags it “Customer” and starts a “Post-Purchase Review” sequence.</p>
                        {rights.automations && <p class="muted">Begin with New Automation and select Incoming Webhook as the trigger. You get a Trigger URL to send a sample request to.</p>}
                    </Empty>
                )}
                {rows && loaded.data!.length > 0 && rows.length === 0 && (
                    <Empty title="No automation fits">
                        <p>Nothing has “{search}” in its name or trigger.</p>
                    </Empty>
                )}
                {rows && rows.length > 0 && (
                    <table class="cards">
                        <thead>
                            <tr>
                                <th scope="col">Automation</th>
                                <th scope="col">Status</th>
                                <th scope="col">Runs</th>
                                <th scope="col">Last run</th>
                            </tr>
                        </thead>
                        <tbody>
                            {rows.map((a) => (
                                <tr key={a.id} class="clickable" onClick={(e) => (e.target as Element).closest('a') || go(`${base}/automations/${a.id}`)}>
                                    <td class="main">
                                        <div class="main-cell">
                                            <Link to={`${base}/automations/${a.id}`}>{a.name}</Link>
                                            <span class="muted small-text">{triggerLine(a.trigger)}</span>
                                        </div>
                                    </td>
                                    <td data-label="Status">
                                        <StatusBadge status={automationStatus(a)} />
                                    </td>
                                    <td data-label="Runs">{a.runCount ? <Link to={`${base}/automations/${a.id}/runs`}>{a.runCount >= COUNT_MAX ? `over ${count(COUNT_MAX)}` : count(a.runCount)}</Link> : <span class="muted">0</span>}</td>
                                    <td data-label="Last run">
                                        <LastRunCell to={`${base}/automations/${a.id}/runs`} run={a.lastRun ?? null} />
                                    </td>
                                </tr>
                            ))}
                        </tbody>
                    </table>
                )}
            </Card>
        </>
    );
}
