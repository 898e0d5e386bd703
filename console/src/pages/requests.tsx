// SPDX-License-Identifier: Apache-2.0
// The requests that came in at the Trigger URL of an automation, taken or refused and why, as they come.
import type { Automation } from '../lib/automations';
import { sampleCurl } from '../lib/curl';
import { bytes } from '../lib/format';
import { useLive } from '../lib/live';
import { usePaged } from '../lib/load';
import { type IncomingRequest, requestStatus } from '../lib/requests';
import { go, Link, setQuery, useQuery } from '../lib/router';
import { Badge, Card, Choices, Code, CopyButton, Empty, ErrorNote, MoreButton, Skeleton, Time } from '../ui/basic';
import { useWorkspace } from '../workspace';
import { OfAutomation } from './runs';

const shownOutcomes = { all: null, accepted: 'accepted,captured,duplicate', refused: 'refused' } as const;
type Shown = keyof typeof shownOutcomes;

export function TriggerUrl({ url }: { url: string }) {
    return (
        <div class="secret">
            <code role="group" aria-label="Trigger URL">
                {url}
            </code>
            <CopyButton text={url} />
        </div>
    );
}

const signHint = 'postrider trigger send makes one with the right signature';

function Row({ request: r, automation }: { request: IncomingRequest; automation: Automation }) {
    const { base } = useWorkspace();
    const here = `${base}/automations/${automation.id}`;
    const to = `${here}/requests/${r.id}`;
    const status = requestStatus(r);
    return (
        <tr class="clickable" onClick={(e) => (e.target as Element).closest('a, button') || go(to)}>
            <td class="run-cell">
                <div class="main-cell">
                    <span class="row">
                        <Link to={to}>
                            <Time at={r.receivedAt} />
                        </Link>
                        {r.selected && <Badge tone="busy">Sample</Badge>}
                    </span>
                    <span class="muted small-text">
                        {r.method} · {r.contentType?.split(';')[0] ?? 'no content type'}
                    </span>
                </div>
            </td>
            <td data-label="Result">
                <span class="status">
                    <Badge tone={status.tone}>{`${status.label} ${r.status}`}</Badge>
                    <span class="muted small-text">{status.detail}</span>
                </span>
            </td>
            <td data-label="From">{r.address ?? '–'}</td>
            <td data-label="Size" class="tight">
                {bytes(r.size)}
            </td>
            <td data-label="Run">{r.runId ? <Link to={`${here}/runs/${r.runId}`}>{r.outcome === 'duplicate' ? 'Run of the first' : 'Run'}</Link> : <span class="muted">–</span>}</td>
        </tr>
    );
}

function NoRequests({ url, checked }: { url: string; checked: boolean }) {
    return (
        <Empty title="No requests yet">
            <p>Every request to the Trigger URL appears here within a moment, also those that are refused, with the reason. Send one to try:</p>
            <div class="stack wide">
                <div class="field">
                    <span class="field-label">Trigger URL</span>
                    <TriggerUrl url={url} />
                </div>
                <div class="field">
                    <span class="field-label">A request to try, from a shell</span>
                    <Code label="A request to try" text={sampleCurl(url)} />
                    {checked && <p class="hint">This trigger checks who sends. The line is not signed, so it will appear here as refused: {signHint}.</p>}
                </div>
            </div>
        </Empty>
    );
}

function Requests({ automation }: { automation: Automation }) {
    const { id, path } = useWorkspace();
    const trigger = automation.trigger;
    const asked = useQuery().get('outcome') ?? '';
    const shown: Shown = asked in shownOutcomes ? (asked as Shown) : 'all';
    const list = usePaged<IncomingRequest>(trigger.id ? `${path}/trigger/${trigger.id}/request` : null, { limit: 50, outcome: shownOutcomes[shown] });
    useLive(id, (e) => e.kind === 'request' && e.data.triggerId === trigger.id, list.refresh);
    if (trigger.type !== 'incoming_webhook' || !trigger.id || !trigger.url)
        return (
            <Card>
                <Empty title="This automation takes no requests">
                    <p>Only automations whose trigger is Incoming Webhook have a Trigger URL.</p>
                </Empty>
            </Card>
        );
    const none = shown === 'all' && list.items?.length === 0 && !list.more;
    return (
        <>
            {!none && (
                <Card title="Trigger URL">
                    <div class="stack">
                        <TriggerUrl url={trigger.url} />
                        <details class="plain">
                            <summary>Send a request to try</summary>
                            <Code label="A request to try" text={sampleCurl(trigger.url)} />
                            {trigger.verify && <p class="hint">This trigger checks who sends. The line is not signed, so it will be refused: {signHint}.</p>}
                        </details>
                    </div>
                </Card>
            )}
            <Card flush>
                <div class="filters" hidden={none}>
                    <Choices
                        label="Result"
                        value={shown}
                        onChange={(to) => setQuery({ outcome: to === 'all' ? null : to })}
                        options={[
                            { value: 'all', text: 'All' },
                            { value: 'accepted', text: 'Accepted' },
                            { value: 'refused', text: 'Refused' },
                        ]}
                    />
                </div>
                {list.error !== undefined && <ErrorNote error={list.error} retry={list.refresh} />}
                {!list.items && list.loading && <Skeleton rows={6} />}
                {list.items?.length === 0 && !list.more && (shown === 'all' ? <NoRequests url={trigger.url} checked={Boolean(trigger.verify)} /> : <Empty title={shown === 'refused' ? 'No request was refused.' : 'No request was accepted yet.'} />)}
                {list.items && list.items.length > 0 && (
                    <table class="cards">
                        <thead>
                            <tr>
                                <th scope="col">Request</th>
                                <th scope="col">Result</th>
                                <th scope="col">From</th>
                                <th scope="col">Size</th>
                                <th scope="col">Run</th>
                            </tr>
                        </thead>
                        <tbody>
                            {list.items.map((r) => (
                                <Row key={r.id} request={r} automation={automation} />
                            ))}
                        </tbody>
                    </table>
                )}
                <MoreButton more={list.more} loading={list.loading} error={list.error} onMore={list.loadMore} />
            </Card>
        </>
    );
}

export function RequestsPage({ params }: { params: Record<string, string> }) {
    return <OfAutomation id={params.auto!}>{(automation) => <Requests automation={automation} />}</OfAutomation>;
}
