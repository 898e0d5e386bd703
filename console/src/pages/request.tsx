// SPDX-License-Identifier: Apache-2.0
// One request at a Trigger URL: what came, what it was answered and why; made the sample that an automation is built with.
import { useState } from 'preact/hooks';
import { api } from '../lib/api';
import type { Automation } from '../lib/automations';
import { bytes, when } from '../lib/format';
import { useLoad } from '../lib/load';
import { loadRequest, requestAdvice, requestStatus, type WholeRequest } from '../lib/requests';
import { Link } from '../lib/router';
import { statusWords } from '../lib/words';
import { Badge, Button, Card, Choices, Code, CopyButton, Facts, Head, Note, Pending } from '../ui/basic';
import { pretty } from '../ui/json';
import { toast } from '../ui/toast';
import { useWorkspace } from '../workspace';

type View = 'readable' | 'raw';

function Body({ request: r }: { request: WholeRequest }) {
    const readable = pretty(r.bodyText);
    const [view, setView] = useState<View>('readable');
    if (r.size === 0) return <p class="muted">Empty</p>;
    return (
        <div class="stack">
            {readable !== null && (
                <div>
                    <Choices
                        label="Body: view"
                        value={view}
                        onChange={setView}
                        options={[
                            { value: 'readable', text: 'Readable' },
                            { value: 'raw', text: 'Raw' },
                        ]}
                    />
                </div>
            )}
            <Code label="Body" text={readable !== null && view === 'readable' ? readable : r.raw} />
            {r.rawEncoding === 'base64' && (readable === null || view === 'raw') && <p class="hint">The body is no text: this is its base64.</p>}
            {r.bodyTruncated && <p class="hint">Only the first {bytes(16384)} are kept of a request that was not accepted.</p>}
        </div>
    );
}

function lines(of: Record<string, string | string[]>, join: string): string {
    return Object.entries(of)
        .flatMap(([name, v]) => (Array.isArray(v) ? v : [v]).map((one) => `${name}${join}${one}`))
        .join('\n');
}

function Story({ request: r }: { request: WholeRequest }) {
    const status = requestStatus(r);
    const advice = requestAdvice(r);
    if (r.outcome === 'accepted') return null;
    return (
        <Note tone={r.outcome === 'refused' ? 'bad' : 'plain'}>
            <p>
                <strong>{status.label}:</strong> {status.detail}.
            </p>
            {advice && <p>{advice}</p>}
        </Note>
    );
}

interface Loaded {
    automation: Automation;
    request: WholeRequest;
}

export function RequestPage({ params }: { params: Record<string, string> }) {
    const { base, path, app, rights } = useWorkspace();
    const auto = `${path}/automation/${encodeURIComponent(params.auto!)}`;
    const here = `${base}/automations/${params.auto}`;
    const [busy, setBusy] = useState(false);
    const loaded = useLoad<Loaded>(`${auto} ${params.request}`, async (signal) => {
        const automation = await api.get<Automation>(auto, {}, { signal });
        return { automation, request: await loadRequest(`${path}/trigger/${automation.trigger.id}/request/${encodeURIComponent(params.request!)}`, signal) };
    });
    const r = loaded.data?.request;
    const crumbs = [
        { text: app?.name ?? '…' },
        { to: `${base}/automations`, text: 'Automations' },
        { to: here, text: loaded.data?.automation.name ?? '…' },
        { to: `${here}/requests`, text: 'Incoming requests' },
        { text: r ? when(r.receivedAt) : '…' },
    ];
    if (!r)
        return (
            <>
                <Head title="Incoming request" crumbs={crumbs} />
                <Pending of={loaded} />
            </>
        );
    const use = async () => {
        setBusy(true);
        try {
            await api.post(`${auto}/sample/${r.id}/use`);
            toast.done('This is the sample now: its keys are the Variables of the steps.');
            loaded.reload();
        } catch (e) {
            toast.failed(e);
        }
        setBusy(false);
    };
    const status = requestStatus(r);
    const may = r.outcome === 'accepted' || r.outcome === 'captured';
    return (
        <>
            <Head
                title="Incoming request"
                crumbs={crumbs}
                meta={
                    <span class="row">
                        <Badge tone={status.tone}>{`${status.label} ${r.status}`}</Badge>
                        {r.selected && <Badge tone="busy">Sample</Badge>}
                        <span class="mono muted">{r.id}</span>
                        <CopyButton text={r.id} label="Copy id" />
                    </span>
                }
            >
                {rights.automations && may && !r.selected && (
                    <Button kind="primary" icon="check" busy={busy} onClick={() => void use()}>
                        Use as sample
                    </Button>
                )}
            </Head>
            <Story request={r} />
            <Card title="Details">
                <Facts
                    items={[
                        ['Received', when(r.receivedAt)],
                        ['Answered', statusWords(r.status)],
                        ['Run', r.runId ? <Link to={`${here}/runs/${r.runId}`}>{r.outcome === 'duplicate' ? 'The run of the first one' : 'The run it started'}</Link> : 'None'],
                        ['From', r.address ?? 'Not known'],
                        ['Method', r.method],
                        ['Content type', r.contentType ?? 'None'],
                        ['Size', bytes(r.size)],
                    ]}
                />
            </Card>
            <Card title="Body">
                <Body request={r} />
            </Card>
            {Object.keys(r.query).length > 0 && (
                <Card title="Query">
                    <Code label="Query" text={lines(r.query, ' = ')} />
                </Card>
            )}
            <Card title="Headers">
                <div class="stack">
                    <Code label="Headers" text={lines(r.headers, ': ')} />
                    <p class="hint">Values of headers that are secrets are not kept: they read ***.</p>
                </div>
            </Card>
        </>
    );
}
