// SPDX-License-Identifier: Apache-2.0
// The versions of an automation: what each changed, and a way back.
import { useState } from 'preact/hooks';
import { api } from '../lib/api';
import type { Automation, Version } from '../lib/automations';
import { exactNumbers } from '../lib/json';
import { useLoad } from '../lib/load';
import { go } from '../lib/router';
import { triggerDraft, triggerOut } from '../lib/trigger_draft';
import { type Difference, differences } from '../lib/version_diff';
import type { Status } from '../lib/words';
import { Button, Card, Head, Note, Pending, StatusBadge, Time } from '../ui/basic';
import { Confirm } from '../ui/dialog';
import { toast } from '../ui/toast';
import { useWorkspace } from '../workspace';
import { AutomationHead } from './automation_head';

const states: Record<Version['status'], Status> = {
    published: { tone: 'good', label: 'Published', detail: '' },
    draft: { tone: 'plain', label: 'Draft', detail: '' },
    replaced: { tone: 'plain', label: 'Replaced', detail: '' },
};

const kindWords: Record<Difference['kind'], string> = { added: 'Added', removed: 'Removed', changed: 'Changed', moved: 'Moved' };

function Differences({ from, to }: { from: Version | undefined; to: Version }) {
    if (!from) return <p class="muted">The first version, with {to.steps.length === 1 ? 'one step' : `${to.steps.length} steps`}.</p>;
    const found = differences(from, to);
    if (found.length === 0) return <p class="muted">The same steps and the same trigger as version {from.version}.</p>;
    return (
        <ul class="differences">
            {found.map((d, i) => (
                <li key={i}>
                    <span class={`difference ${d.kind}`}>{kindWords[d.kind]}</span> <strong>{d.what}</strong>
                    {d.fields.map((f) => (
                        <div class="small-text difference-field" key={f.name}>
                            <span class="mono">{f.name}</span>: <del>{f.from}</del> → <ins>{f.to}</ins>
                        </div>
                    ))}
                </li>
            ))}
        </ul>
    );
}

// A webhook's verification and URL are the automation's, not a version's: they stay.
function restored(a: Automation, v: Version): Record<string, unknown> {
    const keeps = v.trigger.type === 'incoming_webhook' && a.trigger.type === 'incoming_webhook';
    return { name: a.name, trigger: keeps ? triggerOut(triggerDraft(a.trigger)) : v.trigger, concurrency: v.concurrency ?? null, steps: v.steps };
}

export function AutomationVersionsPage({ params }: { params: Record<string, string> }) {
    const { base, path, app, rights } = useWorkspace();
    const where = `${path}/automation/${params.auto}`;
    const [asking, setAsking] = useState<Version | null>(null);
    const loaded = useLoad(`${where} versions`, async (signal) => {
        const [automation, versions] = (await Promise.all([where, `${where}/version`].map(async (at) => JSON.parse(exactNumbers(await api.text(at, { signal }))) as unknown))) as [Automation, { data: Version[] }];
        return { automation, versions: versions.data };
    });
    if (!loaded.data)
        return (
            <>
                <Head title="Versions" crumbs={[{ text: app?.name ?? '…' }, { to: `${base}/automations`, text: 'Automations' }, { text: '…' }]} />
                <Pending of={loaded} />
            </>
        );
    const { automation, versions } = loaded.data;
    return (
        <>
            <AutomationHead automation={automation} onChange={loaded.reload} />
            <Card title="Versions" flush>
                <ol class="versions">
                    {versions.map((v, i) => (
                        <li key={v.version}>
                            <div class="version-head">
                                <strong>Version {v.version}</strong>
                                <StatusBadge status={states[v.status]} />
                                <span class="muted small-text grow">
                                    {v.publishedAt ? 'published ' : 'begun '}
                                    <Time at={v.publishedAt ?? v.createdAt} />
                                </span>
                                {rights.automations && i > 0 && (
                                    <Button small icon="replay" onClick={() => setAsking(v)}>
                                        {`Restore version ${v.version}`}
                                    </Button>
                                )}
                            </div>
                            <Differences from={versions[i + 1]} to={v} />
                        </li>
                    ))}
                </ol>
            </Card>
            {asking && (
                <Confirm
                    title={`Restore version ${asking.version}?`}
                    action="Restore as draft"
                    onClose={() => setAsking(null)}
                    onConfirm={async () => {
                        const from = location.pathname;
                        await api.put(where, restored(automation, asking), { headers: { 'If-Match': `"${automation.updatedAt}"` } });
                        toast.done('It is the draft now. Look at it, then publish it.');
                        go(`${base}/automations/${automation.id}`, { from });
                    }}
                >
                    {asking.trigger.type === 'incoming_webhook' && automation.trigger.type !== 'incoming_webhook' && (
                        <Note tone="warn">Who may send is not part of a version: set it again before you publish, or anyone who knows the URL may send.</Note>
                    )}
                    <p>Its steps become the draft. What is published stays in force until you publish.</p>
                    {versions[0]!.status === 'draft' && <p>The draft of now, version {versions[0]!.version}, is overwritten.</p>}
                </Confirm>
            )}
        </>
    );
}
