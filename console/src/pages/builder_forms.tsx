// SPDX-License-Identifier: Apache-2.0
// The form of each kind of step.
import type { ComponentChild, ComponentType } from 'preact';
import { useState } from 'preact/hooks';
import { before, type Fields, fieldsOf, type Node, rowsOf } from '../lib/steps';
import { commonFields, noRecordTypes, recordTypeName } from '../lib/records';
import { bodyAs, titleOf } from '../lib/step_kinds';
import { Choices, SelectField, TextField } from '../ui/basic';
import { Link } from '../lib/router';
import { TemplateField } from '../ui/template';
import { useWorkspace } from '../workspace';
import { FieldsEditor } from './builder_fields';
import { useBuilder } from './builder_state';
import { WaitForm } from './builder_wait';

export interface StepFormProps {
    n: Node;
    change: (part: Partial<Node>) => void;
    problem: (member: string) => string | undefined;
}

export function setText(n: Node, name: string, to: string): Partial<Node> {
    return { texts: { ...n.texts, [name]: to } };
}

function setFields(n: Node, name: string, to: Fields): Partial<Node> {
    return { fields: { ...n.fields, [name]: to } };
}

interface TextProps extends StepFormProps {
    name: string;
    label: string;
    rows?: number;
    hint?: ComponentChild;
    placeholder?: string;
    optional?: boolean;
    mono?: boolean;
}

// A member that is a text with expressions.
export function Text({ n, change, problem, name, ...rest }: TextProps) {
    return <TemplateField {...rest} place={name} value={n.texts[name] ?? ''} onInput={(to) => change(setText(n, name, to))} error={problem(name)} />;
}

// The record of an earlier step, the one that the run is about, or any.
function Target(props: StepFormProps & { optional?: boolean }) {
    const { n, change, problem, optional } = props;
    const { draft, recordTypes } = useBuilder();
    const earlier = before(draft.nodes, n.key) ?? [];
    const value = n.texts.target ?? '';
    const ofSteps = earlier.filter((e) => e.type === 'upsert_record' || e.type === 'update_record').map((e) => ({ value: `{{ steps.${e.id}.id }}`, text: `That of “${titleOf(e)}”` }));
    const options = [...(optional ? [{ value: '', text: 'None' }] : []), ...ofSteps, { value: '{{ contact.id }}', text: recordTypes.some((r) => r.name === 'contact') ? 'The contact that the run is about' : 'The record that the run is about' }, { value: 'other', text: 'Another…' }];
    const listed = options.some((o) => o.value === value);
    const [other, setOther] = useState(!listed);
    const known = listed && !other;
    const byKey = !known && !/^\s*\{\{[^}]*\.id\s*\}\}\s*$/.test(value);
    return (
        <>
            <SelectField label="Record" value={known ? value : 'other'} onChange={(to) => {
                    setOther(to === 'other');
                    change(setText(n, 'target', to === 'other' ? '' : to));
                }} options={options} error={known ? (problem('target') ?? problem('record')) : byKey ? undefined : problem('record')} />
            {!known && (
                <div class="pair">
                    <Text {...props} name="target" label="Its key or id" placeholder="{{ trigger.body.email }}" />
                    {byKey && <SelectField label="Type of record" value={n.texts.record ?? ''} onChange={(to) => change(setText(n, 'record', to))} error={problem('record')} options={[{ value: '', text: 'It is an id' }, ...recordTypes.map((r) => ({ value: r.name, text: r.name.replace(/_/g, ' ') }))]} />}
                </div>
            )}
        </>
    );
}

function UpsertForm({ n, change, problem }: StepFormProps) {
    const { recordTypes } = useBuilder();
    const type = recordTypes.find((r) => r.name === n.texts.record);
    const hint = type?.key ? `Found by its ${type.key}; a new one is made if there is none.` : type ? 'A new one is made each time.' : recordTypes.length === 0 ? noRecordTypes : undefined;
    return (
        <>
            <SelectField
                label="Type of record"
                value={type?.name ?? ''}
                onChange={(record) => change(setText(n, 'record', record))}
                options={[...(type ? [] : [{ value: '', text: 'Choose a type…' }]), ...recordTypes.map((r) => ({ value: r.name, text: recordTypeName(r.name) }))]}
                hint={hint}
                error={problem('record')}
            />
            <FieldsEditor
                label="Fields"
                place="set"
                fields={n.fields.set ?? fieldsOf(undefined)}
                onChange={(to) => change(setFields(n, 'set', to))}
                names={{ name: 'Field', value: 'Value', add: 'Add field' }}
                suggest={[...(type?.key ? [type.key] : []), ...(commonFields[n.texts.record ?? ''] ?? []).filter((f) => f !== type?.key)]}
                error={problem('key') ?? problem('set')}
                hint="Fields that are not named here stay as they are."
            />
        </>
    );
}

function UpdateForm(props: StepFormProps) {
    const { n, change, problem } = props;
    return (
        <>
            <Target {...props} />
            <FieldsEditor label="Fields" place="set" fields={n.fields.set ?? fieldsOf(undefined)} onChange={(to) => change(setFields(n, 'set', to))} names={{ name: 'Field', value: 'Value', add: 'Add field' }} error={problem('set')} hint="Fields that are not named here stay as they are." />
        </>
    );
}

function TagForm(props: StepFormProps) {
    return (
        <>
            <Target {...props} />
            <Text {...props} name="tag" label="Tag" placeholder="Customer" />
        </>
    );
}

function SetForm({ n, change, problem }: StepFormProps) {
    return <FieldsEditor label="Variables" place="set" fields={n.fields.set ?? fieldsOf(undefined)} onChange={(to) => change(setFields(n, 'set', to))} names={{ name: 'Name', value: 'Value', add: 'Add variable' }} error={problem('set')} hint="Later steps know them as {{ vars.name }}." />;
}

function EventForm({ n, change, problem }: StepFormProps) {
    const { eventTypes } = useBuilder();
    const chosen = n.texts.event ?? '';
    const options = [...(chosen === '' ? [{ value: '', text: 'Choose an event type…' }] : []), ...[...new Set([...eventTypes, ...(chosen ? [chosen] : [])])].map((e) => ({ value: e, text: e }))];
    return (
        <>
            <SelectField label="Event type" value={chosen} onChange={(to) => change(setText(n, 'event', to))} options={options} error={problem('event')} />
            <FieldsEditor label="Payload" place="payload" fields={n.fields.payload ?? fieldsOf(undefined)} onChange={(to) => change(setFields(n, 'payload', to))} names={{ name: 'Field', value: 'Value', add: 'Add field' }} error={problem('payload')} hint="What the endpoints that subscribe to it receive as data." />
        </>
    );
}

const reentries = [
    { value: 'ignore', text: 'Leave that run alone, start none' },
    { value: 'restart', text: 'End that run, start anew' },
    { value: 'parallel', text: 'Start another beside it' },
];

function SequenceSelect({ n, change, problem }: StepFormProps) {
    const { sequences, automation } = useBuilder();
    const { base } = useWorkspace();
    const chosen = n.texts.automation ?? '';
    const found = sequences.find((s) => s.id === chosen);
    const mine = sequences.filter((s) => s.trigger.type === 'sequence' || s.id === chosen);
    const options = [...(chosen === '' ? [{ value: '', text: 'Choose a sequence…' }] : []), ...mine.map((s) => ({ value: s.id, text: `${s.name}${s.status === 'published' ? '' : ` (${s.status})`}` })), ...(chosen && !found && chosen !== automation.id ? [{ value: chosen, text: chosen }] : [])];
    return (
        <>
            <SelectField
                label="Sequence"
                value={chosen}
                onChange={(to) => change(setText(n, 'automation', to))}
                options={options}
                hint={mine.length === 0 ? 'There is none yet: make an automation that is “Started by another automation”, and publish it.' : found && found.status !== 'published' ? <>It is not published: nothing starts until it is. <Link to={`${base}/automations/${found.id}`}>Open it</Link></> : found ? <Link to={`${base}/automations/${found.id}`}>Open it</Link> : 'An automation that is started by another.'}
                error={problem('automation')}
            />
        </>
    );
}

function StartForm(props: StepFormProps) {
    const { n, change, problem } = props;
    return (
        <>
            <SequenceSelect {...props} />
            <Target {...props} optional />
            <SelectField label="When it runs for this record already" value={n.texts.reentry || 'ignore'} onChange={(to) => change(setText(n, 'reentry', to))} options={reentries} />
            <FieldsEditor label="Values to hand over" optional place="input" fields={n.fields.input ?? rowsOf()} onChange={(to) => change(setFields(n, 'input', to))} names={{ name: 'Name', value: 'Value', add: 'Add value' }} error={problem('input')} hint="The sequence knows them as {{ trigger.body.name }}." />
        </>
    );
}

function StopForm(props: StepFormProps) {
    return (
        <>
            <SequenceSelect {...props} />
            <Target {...props} />
        </>
    );
}

const encodings = {
    json: 'Content-Type says JSON: values are written as JSON. ',
    xml: 'Content-Type says XML: values are escaped. ',
    html: 'Content-Type says HTML: values are escaped. ',
    form: 'Content-Type says form: values are percent-encoded. ',
};

function HttpForm(props: StepFormProps) {
    const { n, change, problem } = props;
    const method = n.texts.method || 'POST';
    const bare = method === 'GET' || method === 'HEAD';
    const body = n.fields.body ?? rowsOf();
    const as = bodyAs(n.fields.headers);
    const says = body.mode !== 'text' ? '' : as ? encodings[as] : 'Sent as plain text unless a header Content-Type says something else. ';
    return (
        <>
            <div class="method-url">
                <SelectField label="Method" value={method} onChange={(to) => change(setText(n, 'method', to))} options={['POST', 'GET', 'PUT', 'PATCH', 'DELETE', 'HEAD'].map((m) => ({ value: m, text: m }))} />
                <Text {...props} name="url" label="URL" mono placeholder="https://example.com/orders/{{ trigger.body.id }}" />
            </div>
            <FieldsEditor label="Headers" optional place="headers" modes={['rows']} fields={n.fields.headers ?? rowsOf()} onChange={(to) => change(setFields(n, 'headers', to))} names={{ name: 'Header', value: 'Value', add: 'Add header' }} error={problem('headers')} />
            {!bare && <FieldsEditor label="Body" optional place="body" modes={['rows', 'json', 'text']} fields={body} onChange={(to) => change(setFields(n, 'body', to))} names={{ name: 'Field', value: 'Value', add: 'Add field' }} error={problem('body')} hint={`${says}A 2xx answer is success; later steps know what it said.`} />}
            <TextField label="Time to answer, in milliseconds" optional inputMode="numeric" value={n.texts.timeoutMs ?? ''} onInput={(to) => change(setText(n, 'timeoutMs', to))} error={problem('timeoutMs')} placeholder="15000" />
        </>
    );
}

function MailForm(props: StepFormProps) {
    const { n, change } = props;
    const html = n.texts.html !== undefined;
    const swap = (to: 'text' | 'html') => {
        const { text, html: written, ...rest } = n.texts;
        change({ texts: { ...rest, [to]: text ?? written ?? '' } });
    };
    return (
        <>
            <Text {...props} name="to" label="To" placeholder="{{ contact.email }}" />
            <Text {...props} name="subject" label="Subject" placeholder="How do you like it, {{ contact.name }}?" />
            <div class="field-head">
                <span class="field-label">Message</span>
                <Choices
                    label="Form of the message"
                    value={html ? 'html' : 'text'}
                    onChange={swap}
                    options={[
                        { value: 'text', text: 'Plain text' },
                        { value: 'html', text: 'HTML' },
                    ]}
                />
            </div>
            {html ? <Text {...props} name="html" label="HTML" rows={8} mono hint="Values are escaped: a name cannot become markup." /> : <Text {...props} name="text" label="Text" rows={8} placeholder={'Hello {{ contact.name | default: "you" }},'} />}
        </>
    );
}

function BranchForm(_: StepFormProps) {
    return <p class="hint">The first way whose conditions hold is taken; then the run goes on with the step after the branch.</p>;
}

export const forms: Record<string, ComponentType<StepFormProps>> = {
    upsert_record: UpsertForm,
    update_record: UpdateForm,
    add_tag: TagForm,
    remove_tag: TagForm,
    set: SetForm,
    emit_event: EventForm,
    start_sequence: StartForm,
    stop_sequence: StopForm,
    http_request: HttpForm,
    send_email: MailForm,
    wait: WaitForm,
    branch: BranchForm,
};

