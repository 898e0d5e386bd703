// SPDX-License-Identifier: Apache-2.0
// One automation: what starts it and what it does.
import { api } from '../lib/api';
import { type Automation, triggerLine } from '../lib/automations';
import { useLoad } from '../lib/load';
import { Card, CopyButton, ErrorNote, Head, Skeleton } from '../ui/basic';
import { useWorkspace } from '../workspace';
import { AutomationHead } from './automation_head';

export function AutomationPage({ params }: { params: Record<string, string> }) {
    const { base, path, app } = useWorkspace();
    const where = `${path}/automation/${params.auto}`;
    const loaded = useLoad<Automation>(where, (signal) => api.get(where, {}, { signal }));
    const automation = loaded.data;
    if (!automation)
        return (
            <>
                <Head title="Automation" crumbs={[{ text: app?.name ?? '…' }, { to: `${base}/automations`, text: 'Automations' }, { text: '…' }]} />
                {loaded.error !== undefined ? (
                    <ErrorNote error={loaded.error} retry={loaded.reload} />
                ) : (
                    <Card>
                        <Skeleton rows={6} />
                    </Card>
                )}
            </>
        );
    return (
        <>
            <AutomationHead automation={automation} onChange={loaded.set} />
            <Card title="Trigger">
                <div class="stack">
                    <p>{triggerLine(automation.trigger)}</p>
                    {automation.trigger.url && (
                        <div class="secret">
                            <code aria-label="Trigger URL">{automation.trigger.url}</code>
                            <CopyButton text={automation.trigger.url} />
                        </div>
                    )}
                </div>
            </Card>
        </>
    );
}
