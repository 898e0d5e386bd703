// SPDX-License-Identifier: Apache-2.0
// A new automation: what it is called and what starts it. The rest is done in the builder.
import { useState } from 'preact/hooks';
import { api, ApiError } from '../lib/api';
import { type Automation, type TriggerType, triggerNames } from '../lib/automations';
import type { RecordType } from '../lib/records';
import { go } from '../lib/router';
import { Button, Card, ErrorNote, Head, TextField } from '../ui/basic';
import { Icon, type IconName } from '../ui/icons';
import { useRecordTypes, useWorkspace } from '../workspace';

export const triggerChoices: { type: TriggerType; icon: IconName; what: string }[] = [
    { type: 'incoming_webhook', icon: 'webhook', what: 'Another system sends a request to a Trigger URL: a shop, a form, a tool of your own.' },
    { type: 'event', icon: 'pulse', what: 'Something happens in this workspace, such as deal.stage_changed.' },
    { type: 'record_changed', icon: 'box', what: 'A contact, or another record, is created, updated or deleted.' },
    { type: 'schedule', icon: 'clock', what: 'At certain times: every morning, every Monday.' },
    { type: 'sequence', icon: 'flow', what: 'Only when a step of another automation starts it: a sequence, such as “Post-Purchase Review”.' },
];

// What each kind cannot be without, to begin with.
export function emptyTrigger(type: TriggerType, recordType: string): Record<string, unknown> {
    if (type === 'event') return { type, event: `${recordType}.created` };
    if (type === 'record_changed') return { type, record: recordType };
    if (type === 'schedule') return { type, cron: '0 8 * * 1-5' };
    return { type };
}

export function TriggerTypes({ value, onChange }: { value: TriggerType; onChange: (to: TriggerType) => void }) {
    return (
        <fieldset class="options">
            <legend class="field-label">What starts it</legend>
            {triggerChoices.map((c) => (
                <label class="option" key={c.type}>
                    <input type="radio" name="trigger" value={c.type} checked={value === c.type} onChange={() => onChange(c.type)} />
                    <Icon name={c.icon} />
                    <span>
                        <strong>{triggerNames[c.type]}</strong>
                        <span class="hint">{c.what}</span>
                    </span>
                </label>
            ))}
        </fieldset>
    );
}

export function NewAutomationPage() {
    const { base, path, app } = useWorkspace();
    const types = useRecordTypes();
    const [name, setName] = useState('');
    const [type, setType] = useState<TriggerType>('incoming_webhook');
    const [tried, setTried] = useState(false);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const missing = name.trim() === '' ? 'Give it a name.' : undefined;
    const create = async (event: Event) => {
        event.preventDefault();
        setTried(true);
        if (missing) return;
        setBusy(true);
        setError(null);
        try {
            const from = location.pathname;
            const there = types.data ?? (await api.get<{ data: RecordType[] }>(`${path}/record-type`)).data;
            const known = there.map((t) => t.name);
            const record = known.includes('contact') ? 'contact' : (known[0] ?? 'contact');
            const made = await api.post<Automation>(`${path}/automation`, { name: name.trim(), trigger: emptyTrigger(type, record), steps: [] });
            go(`${base}/automations/${made.id}`, { force: true, from });
        } catch (e) {
            setError(e);
            setBusy(false);
        }
    };
    const wrong = error instanceof ApiError ? error.field('name') : undefined;
    return (
        <>
            <Head title="New Automation" crumbs={[{ text: app?.name ?? '…' }, { to: `${base}/automations`, text: 'Automations' }, { text: 'New' }]} />
            <form class="form" onSubmit={(e) => void create(e)} noValidate>
                <Card>
                    <div class="stack">
                        <TextField label="Name" value={name} onInput={setName} error={wrong ?? (tried ? missing : undefined)} placeholder="New purchases" required autofocus />
                        <TriggerTypes value={type} onChange={setType} />
                    </div>
                </Card>
                {error !== null && !wrong && <ErrorNote error={error} />}
                <div class="form-foot">
                    <div class="row">
                        <Button kind="primary" type="submit" busy={busy}>
                            Create Automation
                        </Button>
                        <Button onClick={() => go(`${base}/automations`)}>Cancel</Button>
                    </div>
                </div>
            </form>
        </>
    );
}
