// SPDX-License-Identifier: Apache-2.0
// An attempt: one line, which unfolds to all that is known of it.
import { useId, useState } from 'preact/hooks';
import { api } from '../lib/api';
import { bytes, microseconds, milliseconds, when } from '../lib/format';
import { useLoad } from '../lib/load';
import type { Attempt } from '../lib/types';
import { curlCommand } from '../lib/curl';
import { advice, attemptFailure, attemptStatus, phaseLengths, statusWords, triggerWords } from '../lib/words';
import { Badge, Code, CopyButton, ErrorNote, Facts, Note, Skeleton, Time } from '../ui/basic';
import { Icon } from '../ui/icons';
import { Data } from '../ui/json';
import { useWorkspace } from '../workspace';

function PhaseBar({ attempt }: { attempt: Attempt }) {
    const lengths = phaseLengths(attempt.phases);
    const total = attempt.phases.totalUs;
    if (lengths.length === 0 || total <= 0) return null;
    const order = ['DNS', 'Connect', 'TLS', 'Send', 'Wait', 'Read'];
    let x = 0;
    return (
        <div class="phases">
            <svg viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true" focusable="false">
                {lengths.map(({ name, us }) => {
                    const w = (us / total) * 1000;
                    const bar = <rect key={name} class={`phase-${order.indexOf(name)}`} x={x} y="0" width={Math.max(w - 2, 1)} height="12" />;
                    x += w;
                    return bar;
                })}
            </svg>
            <ul aria-label="Phases">
                {lengths.map(({ name, us }) => (
                    <li key={name}>
                        <span class={`phase-key phase-${order.indexOf(name)}`} aria-hidden="true" />
                        <span>
                            {name} {microseconds(us)}
                        </span>
                    </li>
                ))}
            </ul>
        </div>
    );
}

function headerLines(list: [string, string][] | undefined): string {
    return (list ?? []).map(([n, v]) => `${n}: ${v}`).join('\n');
}

function decoded(a: Attempt): string {
    if (a.responseEncoding === 'text') return a.response;
    return `(not text; base64)\n${a.response}`;
}

// The bytes that went out: as the server keeps them, else as the profile would render them.
function useSentBody(a: Attempt) {
    const { path } = useWorkspace();
    return useLoad<{ body: string }>(`sent ${a.msgId} ${a.endpointId}`, (signal) => api.get<{ body: string }>(`${path}/msg/${a.msgId}/endpoint/${a.endpointId}/body`, {}, { signal }));
}

function Unfolded({ attempt: a }: { attempt: Attempt }) {
    const sent = useSentBody(a);
    const failed = a.status !== 0;
    const hint = advice(a);
    return (
        <>
            {failed && (
                <Note tone="bad">
                    {attemptFailure(a)}. {hint}
                </Note>
            )}
            <Facts
                items={[
                    ['Response Status Code', a.responseStatusCode > 0 ? statusWords(a.responseStatusCode) : 'None: no answer came'],
                    ['Time', when(a.timestamp)],
                    ['Took', milliseconds(a.responseDurationMs)],
                    ['Why', triggerWords(a)],
                    ['Address', a.peer ?? 'None'],
                    ['Next attempt', a.nextAttempt ? <Time at={a.nextAttempt} key="n" /> : 'None'],
                ]}
            />
            <PhaseBar attempt={a} />
            <div class="side-by-side">
                <div>
                    <div class="card-line row">
                        <h3 class="grow">Request</h3>
                        <CopyButton label="Copy as curl" text={() => curlCommand(a.url, a.requestHeaders ?? [], sent.data?.body ?? '')} />
                    </div>
                    <Code label="Request headers" text={`POST ${a.url}\n${headerLines(a.requestHeaders)}`} copy={false} />
                    <h3>Request Body</h3>
                    {sent.data && <Data label="Request body" text={sent.data.body} />}
                    {!sent.data && sent.loading && <Skeleton rows={2} />}
                    {sent.error !== undefined && <p class="muted">The body is no longer kept.</p>}
                </div>
                <div>
                    <h3>Response</h3>
                    {a.responseStatusCode > 0 ? (
                        <>
                            <Code label="Response headers" text={`${statusWords(a.responseStatusCode)}\n${headerLines(a.responseHeaders)}`} copy={false} />
                            <h3>Response Body</h3>
                            {a.response === '' ? <p class="muted">Empty</p> : <Data label="Response Body" text={decoded(a)} />}
                            {a.responseTruncated && <p class="hint">Only the first {bytes(16384)} are kept.</p>}
                        </>
                    ) : (
                        <>
                            <h3>Response Body</h3>
                            <p>{a.error ?? attemptFailure(a)}</p>
                        </>
                    )}
                </div>
            </div>
        </>
    );
}

function Loaded({ attempt }: { attempt: Attempt }) {
    const { path } = useWorkspace();
    const full = useLoad<Attempt>(`attempt ${attempt.id}`, (signal) => api.get<Attempt>(`${path}/msg/${attempt.msgId}/attempt/${attempt.id}`, { expanded_statuses: true }, { signal }));
    if (full.error !== undefined) return <ErrorNote error={full.error} retry={full.reload} />;
    return full.data ? <Unfolded attempt={full.data} /> : <Skeleton rows={4} />;
}

export function AttemptItem({ attempt, title, open: first = false }: { attempt: Attempt; title?: string | undefined; open?: boolean }) {
    const [open, setOpen] = useState(first);
    const id = useId();
    const status = attemptStatus(attempt);
    return (
        <li class="attempt">
            <button type="button" class="attempt-head" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
                <Icon name="right" />
                <span>
                    <Badge tone={status.tone}>{attempt.responseStatusCode > 0 ? `${status.label} ${attempt.responseStatusCode}` : status.label}</Badge>
                </span>
                <span class="muted">
                    {triggerWords(attempt)}
                    {title ? ` to ${title}` : ''}
                    {attempt.status !== 0 && `: ${attemptFailure(attempt)}`}
                </span>
                <span class="muted nowrap small-text">
                    {milliseconds(attempt.responseDurationMs)} · <Time at={attempt.timestamp} />
                </span>
            </button>
            <div class="attempt-body" id={id} hidden={!open}>
                {open && <Loaded attempt={attempt} />}
            </div>
        </li>
    );
}
