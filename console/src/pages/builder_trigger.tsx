// SPDX-License-Identifier: Apache-2.0
// What starts the automation: the first card of the builder.
import { useState } from 'preact/hooks';
import { triggerLine, triggerNames, type TriggerType } from '../lib/automations';
import { allChanges, type TriggerDraft, triggerOut } from '../lib/trigger_draft';
import type { Trigger } from '../lib/automations';
import { Button, Check, Field, Folded, Note, SelectField, TextField } from '../ui/basic';
import { SurroundingsContext } from '../ui/template';
import { triggerChoices } from './automation_new';
import { Concurrency } from './builder_concurrency';
import { ConditionEditor } from './builder_condition';
import { problemAt, useBuilder } from './builder_state';
import { noRecordTypes } from '../lib/records';
import { StepCard } from './builder_card';
import { WebhookForm } from './builder_webhook';
import { variableGroups } from '../lib/variables';

function EventForm({ t, change }: { t: TriggerDraft; change: (part: Partial<TriggerDraft>) => void }) {
    const { eventTypes, problems } = useBuilder();
    const [text, setText] = useState('');
    const add = (name: string) => {
        if (name && !t.events.includes(name)) change({ events: [...t.events, name] });
        setText('');
    };
    return (
        <Field label="Event types" error={problemAt(problems, 'trigger.event')} hint="Any of these starts it.">
            {(ids) => (
                <div class="stack tight">
                    {t.events.length > 0 && (
                        <ul class="chips">
                            {t.events.map((e) => (
                                <li key={e} class="chip">
                                    {e}
                                    <Button kind="quiet" small icon="close" label={`Remove ${e}`} onClick={() => change({ events: t.events.filter((o) => o !== e) })} />
                                </li>
                            ))}
                        </ul>
                    )}
                    <select {...ids} value={text} onChange={(e) => add(e.currentTarget.value)}>
                        <option value="">Add an event type…</option>
                        {eventTypes
                            .filter((e) => !t.events.includes(e))
                            .map((e) => (
                                <option key={e} value={e}>
                                    {e}
                                </option>
                            ))}
                    </select>
                </div>
            )}
        </Field>
    );
}

function RecordForm({ t, change }: { t: TriggerDraft; change: (part: Partial<TriggerDraft>) => void }) {
    const { recordTypes, problems } = useBuilder();
    const toggle = (name: string, on: boolean) => change({ on: on ? allChanges.filter((c) => c === name || t.on.includes(c)) : t.on.filter((c) => c !== name) });
    return (
        <>
            <SelectField label="Type of record" value={t.record} onChange={(record) => change({ record })} options={recordTypes.map((r) => ({ value: r.name, text: r.name.replace(/_/g, ' ') }))} hint={recordTypes.length === 0 ? noRecordTypes : undefined} />
            {problems['trigger.record'] && <p class="field-error">{problems['trigger.record']}</p>}
            <div class="field" role="group" aria-label="When it is">
                <span class="field-label">When it is</span>
                <div class="row wide">
                    {allChanges.map((c) => (
                        <Check key={c} label={c} checked={t.on.includes(c)} onChange={(on) => toggle(c, on)} />
                    ))}
                </div>
                {problems['trigger.on'] && <p class="field-error">{problems['trigger.on']}</p>}
            </div>
        </>
    );
}

const schedules: { cron: string; text: string }[] = [
    { cron: '0 8 * * *', text: 'Every day at 8:00' },
    { cron: '0 8 * * 1-5', text: 'Monday to Friday at 8:00' },
    { cron: '0 8 * * 1', text: 'Every Monday at 8:00' },
    { cron: '0 8 1 * *', text: 'On the first of the month at 8:00' },
    { cron: '0 * * * *', text: 'Every hour' },
    { cron: '*/15 * * * *', text: 'Every 15 minutes' },
];

function ScheduleForm({ t, change }: { t: TriggerDraft; change: (part: Partial<TriggerDraft>) => void }) {
    const { problems } = useBuilder();
    const known = schedules.some((s) => s.cron === t.cron);
    return (
        <div class="pair">
            <SelectField label="When" value={known ? t.cron : ''} onChange={(cron) => cron && change({ cron })} options={[...schedules.map((s) => ({ value: s.cron, text: s.text })), { value: '', text: 'As written beside' }]} hint="Times are in UTC." />
            <TextField label="Schedule" mono value={t.cron} onInput={(cron) => change({ cron })} error={problemAt(problems, 'trigger.cron')} hint="Minute, hour, day, month, day of the week, as in cron." />
        </div>
    );
}

function Where({ t, change }: { t: TriggerDraft; change: (part: Partial<TriggerDraft>) => void }) {
    const { sample, sampleLoading, readOnly, problems, draft } = useBuilder();
    const groups = variableGroups(sample?.variables ?? [], [], sample?.contact ?? null, draft.trigger.type);
    const some = t.where.kind === 'group' && t.where.items.some((i) => i.kind === 'group' || i.value !== '');
    return (
        <Folded summary="Only when…" open={some}>
            <SurroundingsContext.Provider value={{ groups, previews: {}, loading: sampleLoading, readOnly }}>
                <ConditionEditor cond={t.where} place="trigger.where" onChange={(where) => change({ where })} problem={problemAt(problems, 'trigger.where')} />
            </SurroundingsContext.Provider>
        </Folded>
    );
}

export function TriggerCard() {
    const { draft, edit, open, setOpen, problems, readOnly, automation } = useBuilder();
    const t = draft.trigger;
    const change = (part: Partial<TriggerDraft>) => edit((d) => ({ ...d, trigger: { ...d.trigger, ...part } }));
    const saved = automation.trigger.type;
    const bad = Object.keys(problems).some((p) => p.startsWith('trigger') || p === 'concurrency');
    const icon = triggerChoices.find((c) => c.type === t.type)?.icon ?? 'flow';
    const choose = (type: TriggerType) => change({ type, ...(type === 'record_changed' && !t.record ? { record: 'contact' } : {}), ...(type === 'schedule' && !t.cron ? { cron: '0 8 * * 1-5' } : {}) });
    return (
        <StepCard icon={icon} label="Trigger" title={triggerNames[t.type]} line={t.type === 'incoming_webhook' || t.type === 'sequence' ? '' : triggerLine(triggerOut(t) as unknown as Trigger)} open={open === 'trigger'} onToggle={() => setOpen(open === 'trigger' ? null : 'trigger')} bad={bad}>
            <div class="stack">
                <fieldset class="bare" disabled={readOnly}>
                    <SelectField label="What starts it" value={t.type} onChange={(type) => choose(type as TriggerType)} options={triggerChoices.map((c) => ({ value: c.type, text: triggerNames[c.type] }))} hint={triggerChoices.find((c) => c.type === t.type)?.what} />
                </fieldset>
                {t.type !== saved && saved === 'incoming_webhook' && <Note tone="warn">When this is published, its Trigger URL answers 410: whoever sends to it should stop.</Note>}
                {t.type === 'incoming_webhook' && <WebhookForm t={t} change={change} />}
                <fieldset class="bare" disabled={readOnly}>
                    {t.type === 'event' && <EventForm t={t} change={change} />}
                    {t.type === 'record_changed' && <RecordForm t={t} change={change} />}
                    {t.type === 'schedule' && <ScheduleForm t={t} change={change} />}
                    {(t.type === 'event' || t.type === 'record_changed') && <Where t={t} change={change} />}
                    {t.type === 'sequence' && <p class="muted">It starts when a step “Start sequence” of another automation names it, and is about the record that the step gives it: {'{{ contact.email }}'} is that contact’s address.</p>}
                    {t.type !== 'incoming_webhook' && <Concurrency />}
                </fieldset>
            </div>
        </StepCard>
    );
}

