// SPDX-License-Identifier: Apache-2.0
// The trigger that takes requests: its URL, who may send, what tells a repeated request.
import { useRef, useState } from 'preact/hooks';
import { api } from '../lib/api';
import type { Trigger } from '../lib/automations';
import { sampleCurl } from '../lib/curl';
import { useLoad } from '../lib/load';
import { loadSenders, type Sender } from '../lib/senders';
import { allMethods, methodsAreUsual, type TriggerDraft } from '../lib/trigger_draft';
import { Button, Check, Code, CopyButton, ErrorNote, Field, Folded, Note, SelectField, TextField } from '../ui/basic';
import { Confirm } from '../ui/dialog';
import { toast } from '../ui/toast';
import { useWorkspace } from '../workspace';
import { Concurrency } from './builder_concurrency';
import { problemAt, useBuilder } from './builder_state';

const graces = [
    { value: '0', text: 'Not at all' },
    { value: '3600', text: 'For an hour' },
    { value: '86400', text: 'For a day' },
    { value: '604800', text: 'For a week' },
];

function RotateDialog({ onClose, onDone }: { onClose: () => void; onDone: (url: string) => void }) {
    const { path } = useWorkspace();
    const { automation } = useBuilder();
    const [grace, setGrace] = useState('86400');
    return (
        <Confirm
            title="Get another Trigger URL?"
            action="Rotate"
            onClose={onClose}
            onConfirm={async () => {
                const made = await api.post<{ url: string }>(`${path}/trigger/${automation.trigger.id}/rotate`, { graceSeconds: Number(grace) });
                toast.done('There is a new Trigger URL. Give it to whoever sends.');
                onDone(made.url);
            }}
        >
            <p>A new Trigger URL is made. Do this when the old one came into wrong hands.</p>
            <SelectField label="The old one goes on working" value={grace} onChange={setGrace} options={graces} />
        </Confirm>
    );
}

function TriggerUrl() {
    const { automation, readOnly, rotated } = useBuilder();
    const [rotating, setRotating] = useState(false);
    const shown = automation.trigger.url;
    if (!shown) return <Note>Save the draft to get its Trigger URL.</Note>;
    return (
        <div class="field">
            <span class="field-label" id="trigger-url">
                Trigger URL
            </span>
            <div class="secret">
                <code role="group" aria-labelledby="trigger-url">
                    {shown}
                </code>
                <CopyButton text={shown} label="Copy" />
                {!readOnly && (
                    <Button small kind="quiet" icon="replay" onClick={() => setRotating(true)}>
                        Rotate
                    </Button>
                )}
            </div>
            <p class="hint">Send POST requests to it. JSON, forms, XML and text are taken; their keys become Variables.</p>
            {rotating && (
                <RotateDialog
                    onClose={() => setRotating(false)}
                    onDone={(to) => {
                        rotated(to);
                        setRotating(false);
                    }}
                />
            )}
        </div>
    );
}

// Until something came in there is nothing to choose variables from.
function Waiting() {
    const { sample, automation } = useBuilder();
    const begun = useRef(false);
    if (!sample || !automation.trigger.url) return null;
    begun.current ||= sample.requests.length === 0;
    if (sample.requests.length > 0) {
        const keys = sample.variables.filter((v) => v.path.startsWith('trigger.body.')).length;
        return (
            <div role="status">{begun.current && <Note tone="good">{`A request came in. Its ${keys === 1 ? 'key is a Variable' : `${keys} keys are Variables`} now: add steps that use them.`}</Note>}</div>
        );
    }
    return (
        <div class="waiting" role="status">
            <p class="waiting-title">
                <span class="pulse-dot" aria-hidden="true" />
                Waiting for a first request…
            </p>
            <p class="muted">Send a sample to the Trigger URL, for example a test order of your shop. It appears here by itself, and nothing is done with it while this is a draft.</p>
            <details class="plain">
                <summary>Send one from a terminal</summary>
                <Code text={sampleCurl(automation.trigger.url)} label="A sample request" />
            </details>
        </div>
    );
}

type FormProps = { t: TriggerDraft; change: (part: Partial<TriggerDraft>) => void };

function SecretField({ t, change, sender }: FormProps & { sender: Sender | undefined }) {
    const { problems } = useBuilder();
    const kept = t.known !== null && t.known === t.profile;
    return (
        <TextField
            label={sender?.secret ?? 'Secret'}
            type="password"
            autocomplete="new-password"
            mono
            value={t.secret}
            onInput={(secret) => change({ secret })}
            placeholder={kept ? '•••••••• (kept)' : ''}
            error={problemAt(problems, 'trigger.verify.secret')}
            hint={kept ? 'Leave it empty to keep the one that is there.' : 'The same as in the system that sends. It is stored encrypted and not shown again.'}
        />
    );
}

function WhoMaySend({ t, change }: FormProps) {
    const { problems } = useBuilder();
    const loaded = useLoad('senders', loadSenders);
    const { schemes, known, own } = loaded.data ?? { schemes: [], known: [], own: [] };
    const sender = [...schemes, ...known, ...own].find((s) => s.value === t.profile);
    // What is chosen is there also while the others are not.
    const chosen = t.profile === 'row' ? [{ value: 'row', text: 'As set by the API' }] : t.profile !== '' && !sender ? [{ value: t.profile, text: t.profile }] : [];
    return (
        <>
            <SelectField
                label="Who may send"
                value={t.profile}
                onChange={(profile) => change({ profile, secret: '', header: '' })}
                options={[{ value: '', text: 'Anyone who knows the Trigger URL' }, ...chosen, ...schemes]}
                groups={[
                    { label: 'Known senders', options: known },
                    { label: 'Profiles of this environment', options: own },
                ]}
                error={problemAt(problems, 'trigger.verify.profile')}
                hint={t.profile === '' ? 'The URL cannot be guessed; to be sure who sends, choose the system that sends and give its secret.' : 'Requests that do not prove it are refused, and listed with the reason.'}
            />
            {loaded.error !== undefined && <ErrorNote error={loaded.error} retry={loaded.reload} />}
            {t.profile !== '' && <SecretField t={t} change={change} sender={sender} />}
            {['header', 'hmac'].includes(t.profile) && (
                <TextField label="Name of the header" optional mono value={t.header} onInput={(header) => change({ header })} placeholder={sender?.header ?? ''} error={problemAt(problems, 'trigger.verify.header')} />
            )}
            {t.profile === 'meta' && <TextField label="Verify token" optional mono value={t.verifyToken} onInput={(verifyToken) => change({ verifyToken })} hint="What Meta is told when the URL is set up." error={problemAt(problems, 'trigger.verify.verifyToken')} />}
        </>
    );
}

const dedupes: { value: TriggerDraft['dedupeBy']; text: string }[] = [
    { value: '', text: 'As the sender is known to mark them' },
    { value: 'body', text: 'A field of the body' },
    { value: 'header', text: 'A header' },
    { value: 'query', text: 'A parameter of the URL' },
    { value: 'none', text: 'Nothing: each request starts a run' },
];
const dedupeHints: Record<string, [string, string]> = { body: ['Field', 'order.id'], header: ['Header', 'x-request-id'], query: ['Parameter', 'id'] };

// The mark that is used unless one is chosen: the server names that of the sender that is stored.
function usualMark(t: TriggerDraft, stored: Trigger): string {
    const { verify, dedupe, effectiveDedupe: mark } = stored;
    if (t.profile !== '' && (dedupe || t.profile !== (verify?.row ? 'row' : verify?.profile))) return 'It is named here once the draft is saved.';
    if (t.profile === '' || !mark) return 'Of this sender nothing is known: each request starts a run.';
    return `Now: ${mark === 'signed' ? 'what is signed' : mark.replace(':', ' ')}.`;
}

function Dedupe({ t, change }: FormProps) {
    const { problems, automation, sample } = useBuilder();
    const [label, placeholder] = dedupeHints[t.dedupeBy] ?? ['', ''];
    const paths = sample?.variables.filter((v) => v.path.startsWith('trigger.body.') && v.type !== 'object' && v.type !== 'array').map((v) => v.path.slice('trigger.body.'.length)) ?? [];
    return (
        <>
            <SelectField
                label="What tells a repeated request"
                value={t.dedupeBy}
                onChange={(by) => change({ dedupeBy: by as TriggerDraft['dedupeBy'], dedupe: '' })}
                options={dedupes}
                hint={t.dedupeBy === '' ? usualMark(t, automation.trigger) : 'A repeated one is answered, and starts nothing.'}
            />
            {label && (
                <>
                    <Field label={label} error={problemAt(problems, 'trigger.dedupe')}>
                        {(ids) => <input {...ids} type="text" class="mono" list="dedupe-paths" value={t.dedupe} placeholder={placeholder} spellcheck={false} autocomplete="off" onInput={(e) => change({ dedupe: e.currentTarget.value })} />}
                    </Field>
                    {t.dedupeBy === 'body' && (
                        <datalist id="dedupe-paths">
                            {paths.map((p) => (
                                <option key={p} value={p} />
                            ))}
                        </datalist>
                    )}
                </>
            )}
        </>
    );
}

function More({ t, change }: FormProps) {
    const { problems, draft } = useBuilder();
    const toggle = (m: string, on: boolean) => change({ methods: allMethods.filter((o) => (o === m ? on : t.methods.includes(o))) });
    return (
        <Folded summary="More" open={t.addresses !== '' || t.tolerance !== '' || !methodsAreUsual(t.methods) || draft.concurrency !== ''}>
            <div class="stack">
                <Field label="Only from these addresses" optional error={problemAt(problems, 'trigger.verify.addresses')} hint="Addresses or networks such as 203.0.113.0/24, one in each line.">
                    {(ids) => <textarea {...ids} class="mono" rows={2} spellcheck={false} value={t.addresses} onInput={(e) => change({ addresses: e.currentTarget.value })} />}
                </Field>
                {t.profile !== '' && <TextField label="How old a signed time may be, in seconds" optional inputMode="numeric" value={t.tolerance} onInput={(tolerance) => change({ tolerance })} error={problemAt(problems, 'trigger.verify.toleranceSeconds')} />}
                <Concurrency />
                <div class="field" role="group" aria-label="Methods">
                    <span class="field-label">Methods</span>
                    <div class="row wide">
                        {allMethods.map((m) => (
                            <Check key={m} label={m} checked={t.methods.includes(m)} onChange={(on) => toggle(m, on)} />
                        ))}
                    </div>
                    {problems['trigger.methods'] && <p class="field-error">{problems['trigger.methods']}</p>}
                </div>
            </div>
        </Folded>
    );
}

export function WebhookForm({ t, change }: FormProps) {
    const { readOnly } = useBuilder();
    return (
        <>
            <TriggerUrl />
            <Waiting />
            <fieldset class="bare" disabled={readOnly}>
                <WhoMaySend t={t} change={change} />
                <Dedupe t={t} change={change} />
                <More t={t} change={change} />
            </fieldset>
        </>
    );
}
