// SPDX-License-Identifier: Apache-2.0
// The runs of an automation, newest first, as they go on: which wait, for what, which failed and why.
import type { ComponentChildren } from 'preact';
import { api } from '../lib/api';
import type { Automation } from '../lib/automations';
import { useLive } from '../lib/live';
import { useLoad, usePaged } from '../lib/load';
import { setQuery, useQuery } from '../lib/router';
import { type Run, type RunState, runStates, stateStatus } from '../lib/runs';
import { Card, Choices, Empty, ErrorNote, Head, LinkButton, MoreButton, Pending, Skeleton } from '../ui/basic';
import { useWorkspace } from '../workspace';
import { AutomationHead } from './automation_head';
import { RunsTable } from './runs_table';

// What the pages of one automation have in common: it is loaded, and named at the top.
export function OfAutomation({ id, children }: { id: string; children: (automation: Automation) => ComponentChildren }) {
    const { base, path, app } = useWorkspace();
    const where = `${path}/automation/${encodeURIComponent(id)}`;
    const loaded = useLoad<Automation>(where, (signal) => api.get(where, {}, { signal }));
    if (loaded.data)
        return (
            <>
                <AutomationHead automation={loaded.data} onChange={loaded.set} />
                {children(loaded.data)}
            </>
        );
    return (
        <>
            <Head title="Automation" crumbs={[{ text: app?.name ?? '…' }, { to: `${base}/automations`, text: 'Automations' }, { text: '…' }]} />
            <Pending of={loaded} />
        </>
    );
}

function NoRuns({ automation, filtered }: { automation: Automation; filtered: boolean }) {
    const { base } = useWorkspace();
    if (filtered) return <Empty title="No run is in this state." />;
    return (
        <Empty title="No runs yet">
            <p>Each time something starts this automation, a run appears here: what it does, what it waits for, and what failed.</p>
            {automation.publishedVersion === null ? (
                <p class="muted">It is a draft. Runs begin once it is published.</p>
            ) : (
                automation.trigger.type === 'incoming_webhook' && <LinkButton to={`${base}/automations/${automation.id}/requests`}>Incoming requests</LinkButton>
            )}
        </Empty>
    );
}

function Runs({ automation }: { automation: Automation }) {
    const { id, path } = useWorkspace();
    const asked = useQuery().get('status');
    const status = runStates.includes(asked as RunState) ? (asked as RunState) : 'all';
    const list = usePaged<Run>(`${path}/automation/${automation.id}/run`, { limit: 50, status: status === 'all' ? null : status });
    useLive(id, (e) => e.kind === 'run' && e.data.automationId === automation.id, list.refresh);
    return (
        <Card flush>
            <div class="filters" hidden={status === 'all' && list.items?.length === 0 && !list.more}>
                <div class="scrolling">
                    <Choices
                        label="Status"
                        value={status}
                        onChange={(to) => setQuery({ status: to === 'all' ? null : to })}
                        options={[{ value: 'all' as const, text: 'All' }, ...runStates.map((s) => ({ value: s, text: stateStatus(s).label }))]}
                    />
                </div>
            </div>
            {list.error !== undefined && <ErrorNote error={list.error} retry={list.refresh} />}
            {!list.items && list.loading && <Skeleton rows={6} />}
            {list.items?.length === 0 && !list.more && <NoRuns automation={automation} filtered={status !== 'all'} />}
            {list.items && list.items.length > 0 && <RunsTable runs={list.items} of="automation" />}
            <MoreButton more={list.more} loading={list.loading} error={list.error} onMore={list.loadMore} />
        </Card>
    );
}

export function RunsPage({ params }: { params: Record<string, string> }) {
    return <OfAutomation id={params.auto!}>{(automation) => <Runs automation={automation} />}</OfAutomation>;
}
