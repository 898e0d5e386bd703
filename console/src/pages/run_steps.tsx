// SPDX-License-Identifier: Apache-2.0
// The steps of a run in their order, branches within them: what each was told, gave, and how it went.
import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import type { Step } from '../lib/automations';
import { useNow } from '../lib/load';
import { Link } from '../lib/router';
import { type Arm, armsOf, stepIcon, stepsById, stepTitle } from '../lib/run_steps';
import { type RunDetail, type RunMail, type RunStep, stateStatus, tookMs, tookWords, waitWords } from '../lib/runs';
import { plural, when } from '../lib/format';
import { Badge, Note } from '../ui/basic';
import { Icon } from '../ui/icons';
import { Data } from '../ui/json';
import { useWorkspace } from '../workspace';

const text = (of: Record<string, unknown> | null | undefined, name: string): string | null => (typeof of?.[name] === 'string' ? (of[name] as string) : null);

function Mail({ mail }: { mail: RunMail }) {
    if (mail.status === 'sent') return <Note tone="good">The mail relay has taken the email to {mail.to}.</Note>;
    if (mail.status === 'failed')
        return (
            <Note tone="bad">
                The email to {mail.to} was not delivered: {mail.error ?? 'no reason is known'}.
            </Note>
        );
    if (mail.error === null) return <Note>The email to {mail.to} is on its way.</Note>;
    return (
        <Note tone="warn">
            The email to {mail.to} could not be delivered yet ({plural(mail.attempts, 'attempt')}): {mail.error}.{mail.nextAttempt && ` The next attempt is on ${when(mail.nextAttempt)}.`}
        </Note>
    );
}

// What came of it, where that is more than its output; with the way to what it made.
function Result({ step: s }: { step: RunStep }) {
    const { base } = useWorkspace();
    const id = text(s.output, 'id');
    const child = text(s.output, 'run');
    const automation = text(s.input, 'automation');
    if (s.status === 'done' && s.type === 'start_sequence' && child && automation)
        return (
            <>
                {s.output?.started === true ? 'Started ' : 'Not started, since there is already '}
                <Link to={`${base}/automations/${automation}/runs/${child}`}>{s.output?.started === true ? 'this run' : 'a run under way'}</Link>
            </>
        );
    if (s.status === 'done' && s.type === 'upsert_record' && id)
        return <Link to={`${base}/records/${encodeURIComponent(text(s.input, 'record') ?? 'contact')}/${id}`}>{text(s.output, text(s.input, 'key') ?? 'email') ?? text(s.output, 'name') ?? id}</Link>;
    if (s.status === 'done' && s.type === 'emit_event' && id)
        return <Link to={`${base}/events/${id}`}>{text(s.input, 'event') ?? id}</Link>;
    if ((s.type === 'add_tag' || s.type === 'remove_tag') && text(s.input, 'tag')) return <>{text(s.input, 'tag')}</>;
    if (s.type === 'http_request' && s.status !== 'failed' && typeof s.output?.status === 'number') return <>Answered {s.output.status}</>;
    if (s.type === 'send_email' && text(s.input, 'to')) return <>To {text(s.input, 'to')}</>;
    if (s.type === 'wait' && s.status === 'done' && s.output?.timedOut !== undefined) return <>{s.output.timedOut ? 'The event did not come in time' : 'The event came'}</>;
    return null;
}

function Part({ title, label, data }: { title: string; label: string; data: string | null }) {
    return (
        <div>
            <h3>{title}</h3>
            {data === null || data === '{}' ? <p class="muted">Nothing</p> : <Data text={data} label={label} />}
        </div>
    );
}

function Unfolded({ run, step: s, title }: { run: RunDetail; step: RunStep; title: string }) {
    const wentOn = s.status === 'failed' && !(run.status === 'failed' && run.step === s.id);
    return (
        <>
            {s.error !== null && (
                <Note tone={s.status === 'failed' ? 'bad' : 'warn'}>
                    {s.status === 'failed' || s.status === 'cancelled' ? s.error : `The last attempt failed: ${s.error}`}
                    {wentOn && '. The run went on without it.'}
                </Note>
            )}
            {s.mail && <Mail mail={s.mail} />}
            {s.type === 'send_email' && s.status === 'done' && s.mail === null && <p class="muted">What became of the email is kept for 7 days only.</p>}
            <p class="muted small-text">
                Began {when(s.startedAt)}
                {s.endedAt && `, ended ${when(s.endedAt)}`} · step <span class="mono">{s.id}</span>
            </p>
            <div class="side-by-side">
                <Part title="Input" label={`Input of ${title}`} data={s.inputText} />
                <Part title="Output" label={`Output of ${title}`} data={s.outputText} />
            </div>
        </>
    );
}

function Took({ step: s }: { step: RunStep }) {
    const now = useNow(1000);
    const ms = tookMs(s, now);
    return (
        <span class="muted small-text nowrap">
            {s.attempts > 1 && `${plural(s.attempts, 'attempt')} · `}
            {tookWords(ms)}
        </span>
    );
}

// The state of a step, with what it waits for.
function State({ run, step: s }: { run: RunDetail; step: RunStep }) {
    const now = useNow(5000);
    const status = stateStatus(s.status);
    const waits = (s.status === 'waiting' || s.status === 'running') && run.waitingFor && run.step === s.id ? run.waitingFor : null;
    const lost = s.mail?.status === 'failed';
    return (
        <span class="status">
            <Badge tone={lost ? 'bad' : status.tone}>{lost ? 'Not delivered' : status.label}</Badge>
            {waits && <span class="muted small-text">{waitWords(waits, now)}</span>}
        </span>
    );
}

function Line({ icon, title, children }: { icon: Parameters<typeof Icon>[0]['name']; title: string; children?: ComponentChildren }) {
    return (
        <span class="run-step-line">
            <Icon name={icon} size={18} />
            <span class="run-step-title">{title}</span>
            {children}
        </span>
    );
}

function Done({ run, step, done }: { run: RunDetail; step: Step; done: RunStep }) {
    const [open, setOpen] = useState(done.status === 'failed');
    const id = useId();
    const title = stepTitle(step);
    return (
        <div class="run-step" data-state={done.mail?.status === 'failed' ? 'failed' : done.status}>
            <div class="run-step-head">
                <button type="button" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
                    <Icon name="right" size={18} />
                    <Line icon={stepIcon(step.type)} title={title} />
                </button>
                <span class="run-step-result muted small-text">
                    <Result step={done} />
                </span>
                <State run={run} step={done} />
                <Took step={done} />
            </div>
            <div class="run-step-body" id={id} hidden={!open}>
                {open && <Unfolded run={run} step={done} title={title} />}
            </div>
        </div>
    );
}

function Ahead({ step, over, off }: { step: Step; over: boolean; off: boolean }) {
    return (
        <div class="run-step" data-state="ahead">
            <div class="run-step-head">
                <Line icon={stepIcon(step.type)} title={stepTitle(step)} />
                <span class="muted small-text run-step-when">{off ? 'Left out' : over ? 'Not reached' : 'Not yet'}</span>
            </div>
        </div>
    );
}

function ArmView({ run, arm, by, off }: { run: RunDetail; arm: Arm; by: Map<string, RunStep>; off: boolean }) {
    const left = off || arm.taken === false;
    const head = (
        <>
            <span class="run-arm-title">{arm.title}</span>
            {arm.taken === true && <Badge tone="good">Taken</Badge>}
            {arm.steps.length === 0 && <span class="muted small-text">no steps</span>}
        </>
    );
    if (arm.steps.length === 0) return <div class={`run-arm-head${left ? ' off' : ''}`}>{head}</div>;
    if (left)
        return (
            <details class="plain run-arm-details">
                <summary class="run-arm-head off">
                    {head} <span class="muted small-text">{plural(arm.steps.length, 'step')}, not taken</span>
                </summary>
                <List run={run} steps={arm.steps} by={by} off />
            </details>
        );
    return (
        <>
            <div class="run-arm-head">{head}</div>
            <List run={run} steps={arm.steps} by={by} off={false} />
        </>
    );
}

function Item({ run, step, by, off }: { run: RunDetail; step: Step; by: Map<string, RunStep>; off: boolean }) {
    const done = by.get(step.id);
    const over = !['running', 'waiting'].includes(run.status);
    return (
        <li>
            {done ? <Done run={run} step={step} done={done} /> : <Ahead step={step} over={over} off={off} />}
            {step.type === 'branch' && (
                <ul class="run-arms">
                    {armsOf(step, done).map((arm, i) => (
                        <li key={i}>
                            <ArmView run={run} arm={arm} by={by} off={off} />
                        </li>
                    ))}
                </ul>
            )}
        </li>
    );
}

function List({ run, steps, by, off }: { run: RunDetail; steps: Step[]; by: Map<string, RunStep>; off: boolean }) {
    return (
        <ol class="run-steps">
            {steps.map((s) => (
                <Item key={s.id} run={run} step={s} by={by} off={off} />
            ))}
        </ol>
    );
}

export function RunSteps({ run }: { run: RunDetail }) {
    if (run.definition.length === 0) return <p class="muted padded">This version has no steps.</p>;
    return <List run={run} steps={run.definition} by={stepsById(run)} off={false} />;
}
