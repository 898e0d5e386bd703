// SPDX-License-Identifier: Apache-2.0
// Developer Settings: addresses for firewalls, the catalogue of events, API keys, portal links, the audit log.
import { useState } from 'preact/hooks';
import { api } from '../lib/api';
import { useLoad } from '../lib/load';
import { go, setQuery, useQuery } from '../lib/router';
import type { EventType, Profile } from '../lib/types';
import { Card, Choices, Code, CopyButton, Empty, ErrorNote, Head, Search, Skeleton } from '../ui/basic';
import { useEventTypes, useProfile, useWorkspace } from '../workspace';
import { AuditCard } from './audit';
import { IncomingLimit } from './incoming_limit';
import { ApiKeysCard } from './keys';
import { PortalCard } from './portal_link';
import { grouped } from './event_types';
import { exampleOf } from './test_event';

function Egress() {
    const loaded = useLoad('egress', (signal) => api.get<{ addresses: string[]; proxy: string | null }>('/settings/egress', {}, { signal }));
    const list = loaded.data?.addresses ?? [];
    return (
        <Card title="Static outgoing IP addresses">
            <div class="stack">
                <p class="muted">Webhooks come from these addresses. Let them through if your server is behind a firewall.</p>
                {loaded.error !== undefined && <ErrorNote error={loaded.error} retry={loaded.reload} />}
                {!loaded.data && loaded.loading && <Skeleton rows={1} />}
                {loaded.data && list.length === 0 && <p>{loaded.data.proxy ? `Webhooks leave through the proxy ${loaded.data.proxy}; the operator has not said from which addresses.` : 'The operator has not set any: EGRESS_ADDRESSES.'}</p>}
                {list.length > 0 && (
                    <ul class="addresses" aria-label="Outgoing addresses">
                        {list.map((a) => (
                            <li key={a}>
                                <span class="tag">{a}</span>
                                <CopyButton text={a} />
                            </li>
                        ))}
                    </ul>
                )}
            </div>
        </Card>
    );
}

function TypeEntry({ type, profile }: { type: EventType; profile: Profile | undefined }) {
    const [view, setView] = useState<'example' | 'schema'>('example');
    const schemas = Object.entries(type.schemas ?? {});
    const newest = schemas[schemas.length - 1]?.[1];
    return (
        <details class="entry">
            <summary>
                <span class="mono">{type.name}</span>
                <span class="muted">
                    {type.description}
                    {type.deprecated ? ' (deprecated)' : ''}
                </span>
            </summary>
            <div class="stack">
                {newest !== undefined && (
                    <div>
                        <Choices
                            label={`${type.name}: show`}
                            value={view}
                            onChange={setView}
                            options={[
                                { value: 'example', text: 'Example' },
                                { value: 'schema', text: 'Schema' },
                            ]}
                        />
                    </div>
                )}
                <Code label={`${view} of ${type.name}`} text={JSON.stringify(view === 'schema' ? newest : exampleOf(type, profile), null, 2)} />
            </div>
        </details>
    );
}

function Catalogue() {
    const { app } = useWorkspace();
    const types = useEventTypes(app?.profile);
    const profile = useProfile(app?.profile);
    const text = useQuery().get('q') ?? '';
    const shown = types.data?.filter((t) => `${t.name} ${t.description}`.toLowerCase().includes(text.toLowerCase()));
    return (
        <Card title="Event catalogue" flush>
            <div class="filters">
                <Search label="Search event types" value={text} onInput={(q) => setQuery({ q })} />
            </div>
            {types.error !== undefined && <ErrorNote error={types.error} retry={types.reload} />}
            {!types.data && types.loading && <Skeleton rows={5} />}
            {shown?.length === 0 && <Empty title={types.data!.length === 0 ? 'There are no event types yet.' : 'No event type fits the search.'} />}
            {shown && shown.length > 0 && (
                <div class="catalogue">
                    {grouped(shown).map(([group, list]) => (
                        <section key={group} aria-label={group}>
                            <h3>{group}</h3>
                            {list.map((t) => (
                                <TypeEntry key={t.name} type={t} profile={profile.data} />
                            ))}
                        </section>
                    ))}
                </div>
            )}
        </Card>
    );
}

type Tab = 'general' | 'events' | 'keys' | 'audit';

export function DeveloperPage() {
    const { base, app, rights } = useWorkspace();
    const tab = (useQuery().get('tab') ?? 'general') as Tab;
    const tabs: { value: Tab; text: string }[] = [
        { value: 'general', text: 'General' },
        { value: 'events', text: 'Event catalogue' },
        ...(rights.admin ? ([{ value: 'keys', text: 'API keys' }, { value: 'audit', text: 'Audit log' }] as { value: Tab; text: string }[]) : []),
    ];
    return (
        <>
            <Head title="Developer Settings" crumbs={[{ text: app?.name ?? '…' }, { text: 'Developer Settings' }]} />
            <div>
                <Choices label="Part" value={tab} onChange={(to) => go(`${base}/developer${to === 'general' ? '' : `?tab=${to}`}`)} options={tabs} />
            </div>
            {tab === 'general' && (
                <>
                    <Egress />
                    <IncomingLimit />
                    {rights.admin && <PortalCard />}
                </>
            )}
            {tab === 'events' && <Catalogue />}
            {tab === 'keys' && rights.admin && <ApiKeysCard />}
            {tab === 'audit' && rights.admin && <AuditCard />}
        </>
    );
}
