// SPDX-License-Identifier: Apache-2.0
// Who did what, when, from where. Nobody can change it.
import { usePaged } from '../lib/load';
import type { Actor } from '../lib/types';
import { actorKind, actorName } from '../lib/words';
import { Card, Empty, ErrorNote, MoreButton, Skeleton, Time } from '../ui/basic';

interface Entry {
    id: string;
    at: string;
    actor: Actor | null;
    ip: string | null;
    action: string;
    target: string | null;
    app: string | null;
}

export function AuditCard() {
    const list = usePaged<Entry>('/audit-log', { limit: 50 });
    return (
        <Card title="Audit log" flush>
            {list.error !== undefined && <ErrorNote error={list.error} retry={list.refresh} />}
            {!list.items && list.loading && <Skeleton rows={5} />}
            {list.items?.length === 0 && <Empty title="Nothing was changed yet." />}
            {list.items && list.items.length > 0 && (
                <table class="cards">
                    <thead>
                        <tr>
                            <th scope="col">Action</th>
                            <th scope="col">By</th>
                            <th scope="col">From</th>
                            <th scope="col">When</th>
                        </tr>
                    </thead>
                    <tbody>
                        {list.items.map((e) => (
                            <tr key={e.id}>
                                <td class="main">
                                    <div class="main-cell">
                                        <strong>{e.action}</strong>
                                        {e.target && <span class="mono">{e.target}</span>}
                                    </div>
                                </td>
                                <td data-label="By">
                                    {actorName(e.actor)} {e.actor?.type && <span class="muted small-text">{actorKind(e.actor)}</span>}
                                </td>
                                <td data-label="From">{e.ip ?? '–'}</td>
                                <td data-label="When">
                                    <Time at={e.at} />
                                </td>
                            </tr>
                        ))}
                    </tbody>
                </table>
            )}
            <MoreButton more={list.more} loading={list.loading} error={list.error} onMore={list.loadMore} />
        </Card>
    );
}
