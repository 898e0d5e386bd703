// SPDX-License-Identifier: Apache-2.0
// Records of one type: found by key, tag or a text in them, written as JSON, imported and exported.
import { useEffect, useState } from 'preact/hooks';
import { api, ApiError, isAbort } from '../lib/api';
import { useLoad, usePaged } from '../lib/load';
import { go, Link, useQuery } from '../lib/router';
import { noRecordTypes, plainRecord, recordLabel, recordTypeName, type RecordOut } from '../lib/records';
import { Badge, Button, Card, Empty, ErrorNote, Head, LinkButton, MoreButton, Skeleton, Time } from '../ui/basic';
import { useRecordTypes, useWorkspace } from '../workspace';
import { ExportDialog } from './record_export';
import { RecordDialog } from './record_form';
import { ClearFilters, TextFilter } from './filters';

export function RecordsPage({ params }: { params: Record<string, string> }) {
    const { base, path, app, rights } = useWorkspace();
    const type = params.type!;
    const types = useRecordTypes();
    const query = useQuery();
    const wanted = query.get('id') ?? '';
    const tag = query.get('tag') ?? '';
    const search = query.get('search') ?? '';
    const where = `${path}/record/${encodeURIComponent(type)}`;
    const [dialog, setDialog] = useState<'new' | 'export' | null>(null);
    const list = usePaged<RecordOut>(wanted ? null : where, { limit: 50, tag: tag || null, search: search || null });
    const one = useLoad<RecordOut[]>(wanted ? `${where} ${wanted}` : null, async (signal) => {
        try {
            return [await api.get<RecordOut>(`${where}/${encodeURIComponent(wanted)}`, {}, { signal })];
        } catch (error) {
            if (!isAbort(error) && error instanceof ApiError && error.status === 404) return [];
            throw error;
        }
    });
    const items = wanted ? one.data : list.items;
    const error = wanted ? one.error : list.error;
    const about = types.data?.find((t) => t.name === type);
    const title = recordTypeName(type);
    const filtered = Boolean(wanted || tag || search);
    return (
        <>
            <Head title={title} crumbs={[{ text: app?.name ?? '…' }, { text: title }]}>
                {about && !wanted && (items?.length ?? 0) > 0 && <Button onClick={() => setDialog('export')}>Export</Button>}
                {rights.records && about && (
                    <>
                        <LinkButton to={`${base}/records/${encodeURIComponent(type)}/import`}>Import</LinkButton>
                        <Button kind="primary" icon="plus" onClick={() => setDialog('new')}>
                            New record
                        </Button>
                    </>
                )}
            </Head>
            <Card flush>
                <div class="filters" hidden={!filtered && items?.length === 0}>
                    <TextFilter name="search" label="Search" />
                    <TextFilter name="id" label={about?.key ? `Find by ${about.key}` : 'Find by key or id'} />
                    <TextFilter name="tag" label="Tag" />
                    <ClearFilters names={['search', 'id', 'tag']} />
                </div>
                {error !== undefined && <ErrorNote error={error} retry={wanted ? one.reload : list.refresh} />}
                {!items && error === undefined && <Skeleton rows={6} />}
                {items?.length === 0 &&
                    (filtered ? (
                        <Empty title="No record fits.">
                            <p>{wanted ? `None has this ${about?.key ?? 'key'} or id. The whole of it is compared; Search looks for a part.` : 'Search for less, or clear the filters.'}</p>
                        </Empty>
                    ) : (
                        <Empty title={`No ${title.toLowerCase()} yet`}>
                            <p>
                                {rights.records ? 'Add one with New record, import a CSV file, or let an automation create them. ' : 'They come from automations, imports and the API. '}
                                What changes in them can start automations and is sent to the endpoints that subscribe to it.
                            </p>
                        </Empty>
                    ))}
                {items && items.length > 0 && (
                    <table class="cards records">
                        <thead>
                            <tr>
                                <th scope="col">{about?.key ?? 'Record'}</th>
                                <th scope="col">Data</th>
                                <th scope="col">Tags</th>
                                <th scope="col">Changed</th>
                            </tr>
                        </thead>
                        <tbody>
                            {items.map((r) => {
                                const to = `${base}/records/${encodeURIComponent(type)}/${r.id}`;
                                return (
                                    <tr key={r.id} class="clickable" onClick={(e) => (e.target as Element).closest('a, button') || go(to)}>
                                        <td class="main">
                                            <Link to={to}>{recordLabel(r)}</Link>
                                        </td>
                                        <td data-label="Data">
                                            <span class="muted small-text">{plainRecord(r, about?.key ?? null)}</span>
                                        </td>
                                        <td data-label="Tags">
                                            <span class="row tags">
                                                {r.tags.map((t) => (
                                                    <Badge key={t} tone="plain">
                                                        {t}
                                                    </Badge>
                                                ))}
                                            </span>
                                        </td>
                                        <td data-label="Changed">
                                            <Time at={r.updatedAt} />
                                        </td>
                                    </tr>
                                );
                            })}
                        </tbody>
                    </table>
                )}
                {!wanted && <MoreButton more={list.more} loading={list.loading} error={list.error} onMore={list.loadMore} />}
            </Card>
            {dialog === 'export' && <ExportDialog where={where} query={{ tag: tag || null, search: search || null }} name={title} onClose={() => setDialog(null)} />}
            {dialog === 'new' && (
                <RecordDialog
                    title="New record"
                    action="Create"
                    initial={about?.key ? `{\n  "${about.key}": ""\n}` : '{\n}'}
                    onClose={() => setDialog(null)}
                    onSave={async (data) => {
                        const from = location.pathname;
                        const made = JSON.parse(await api.sendText('POST', where, `{"data":${data}}`)) as RecordOut;
                        go(`${base}/records/${encodeURIComponent(type)}/${made.id}`, { from });
                    }}
                />
            )}
        </>
    );
}

// Without a type in the address: contacts, or the first one.
export function RecordsHome() {
    const { base, app } = useWorkspace();
    const types = useRecordTypes();
    const first = (types.data?.find((t) => t.name === 'contact') ?? types.data?.[0])?.name;
    useEffect(() => {
        if (first) go(`${base}/records/${encodeURIComponent(first)}`, { replace: true });
    }, [first]);
    return (
        <>
            <Head title="Records" crumbs={[{ text: app?.name ?? '…' }, { text: 'Records' }]} />
            {types.error !== undefined && <ErrorNote error={types.error} retry={types.reload} />}
            <Card>
                {types.data?.length === 0 ? (
                    <Empty title="This workspace has no types of records">
                        <p>{noRecordTypes}</p>
                    </Empty>
                ) : (
                    <Skeleton rows={4} />
                )}
            </Card>
        </>
    );
}
