// SPDX-License-Identifier: Apache-2.0
// A test run: what each step would do with the sample. Nothing is done.
import { useEffect, useState } from 'preact/hooks';
import { api, isAbort, type Problem } from '../lib/api';
import type { JsonValue } from '../lib/json';
import { itemsWith } from '../lib/jsontext';
import { tryBody } from '../lib/preview';
import { kindOf, titleOf } from '../lib/step_kinds';
import { type Node, stepsOf, walk } from '../lib/steps';
import { shortPath } from '../lib/variables';
import { Badge, ErrorNote, Note, Skeleton } from '../ui/basic';
import { Dialog } from '../ui/dialog';
import { Icon } from '../ui/icons';
import { Data } from '../ui/json';
import { type Builder, type Draft, gaps, type Problems, problemsAt, problemsOf } from './builder_state';

interface Tried {
    id: string;
    type: string;
    branch?: number | null;
    input: Record<string, JsonValue> | null;
    error: string | null;
    record: string | null;
    missing: string[];
    exact: string; // its input as it would be
}

const text = (v: JsonValue | undefined): string => (v === undefined || v === null ? '' : typeof v === 'string' ? v : JSON.stringify(v));

// One sentence about what it would do.
function effect(s: Tried, n: Node | undefined, nameOf: (id: string) => string): string {
    const input = s.input ?? {};
    const set = input.set as Record<string, JsonValue> | undefined;
    switch (s.type) {
        case 'upsert_record':
            return `Would ${s.record ? 'update' : 'create'} the ${text(input.record).replace(/_/g, ' ')} ${text(set ? (set.email ?? Object.values(set)[0]) : '')}`;
        case 'update_record':
            return `Would change ${Object.keys(set ?? {}).join(', ')}`;
        case 'add_tag':
            return `Would add the tag “${text(input.tag)}”`;
        case 'remove_tag':
            return `Would remove the tag “${text(input.tag)}”`;
        case 'start_sequence':
            return `Would start “${nameOf(text(input.automation))}”`;
        case 'stop_sequence':
            return `Would stop “${nameOf(text(input.automation))}”`;
        case 'wait':
            return `Would wait ${input.for ? `for ${text(input.for)}` : input.until ? `until ${text(input.until)}` : `for the event ${text(input.event)}`}`;
        case 'branch':
            return s.branch === null || s.branch === undefined ? 'Would go the other way: no condition holds' : `Would go way ${s.branch + 1}${n?.arms[s.branch]?.name ? `, “${n.arms[s.branch]!.name}”` : ''}`;
        case 'http_request':
            return `Would send ${text(input.method) || 'POST'} ${text(input.url)}`;
        case 'send_email':
            return `Would send “${text(input.subject)}” to ${text(input.to) || 'nobody'}`;
        case 'emit_event':
            return `Would send ${text(input.event)} to the endpoints`;
        default:
            return `Would set ${Object.keys(set ?? {}).join(', ')}`;
    }
}

function TriedStep({ s, n, nameOf }: { s: Tried; n: Node | undefined; nameOf: (id: string) => string }) {
    const bad = s.error !== null;
    return (
        <li class="tried">
            <Icon name={kindOf(s.type).icon} />
            <div class="stack tight grow">
                <div class="row">
                    <strong>{n ? titleOf(n) : s.id}</strong>
                    {bad ? <Badge tone="bad">Would fail</Badge> : s.missing.length > 0 ? <Badge tone="warn">Something is missing</Badge> : <Badge tone="good">Fine</Badge>}
                </div>
                <p>{effect(s, n, nameOf)}</p>
                {bad && <p class="field-error">{s.error}</p>}
                {s.missing.length > 0 && <p class="preview warn">Not in the sample: {s.missing.map(shortPath).join(', ')}</p>}
                {s.input && Object.keys(s.input).length > 0 && (
                    <details class="plain">
                        <summary>Details</summary>
                        <Data text={s.exact} label={`Input of ${s.id}`} />
                    </details>
                )}
            </div>
        </li>
    );
}

// What would keep it from being published, by the step that it is of.
function Refused({ problems, draft }: { problems: Problems; draft: Draft }) {
    const steps = walk(draft.nodes).reverse(); // the innermost first
    const title = (place: string) => {
        const found = steps.find(({ path }) => place === `steps.${path}` || place.startsWith(`steps.${path}.`));
        return found ? titleOf(found.node) : 'Trigger';
    };
    return (
        <Note tone="bad">
            It cannot be published like this:
            <ul class="plain">
                {Object.entries(problems).map(([place, what]) => (
                    <li key={place}>
                        <strong>{title(place)}</strong>: {place.split('.').pop()!.replace(/_/g, ' ')}: {what}
                    </li>
                ))}
            </ul>
        </Note>
    );
}

interface Props {
    builder: Builder;
    onClose: () => void;
    onProblems: (p: Problems) => void; // it could not be tried
    onFound: (p: Problems) => void; // it could, but not be published
}

export function TestDialog({ builder, onClose, onProblems, onFound }: Props) {
    const { where, draft, sample, sampleLoading, sequences } = builder;
    const [tried, setTried] = useState<Tried[] | null>(null);
    const [refused, setRefused] = useState<Problems>({});
    const [error, setError] = useState<unknown>(null);
    const nodes = walk(draft.nodes).map((w) => w.node);
    const nameOf = (id: string) => sequences.find((s) => s.id === id)?.name ?? id;
    useEffect(() => {
        if (sampleLoading) return undefined;
        const missing = gaps(draft);
        if (Object.keys(missing).length > 0) return void onProblems(missing);
        const abort = new AbortController();
        api.sendText('POST', `${where}/test`, JSON.stringify({ ...tryBody(sample), steps: stepsOf(draft.nodes) }), { signal: abort.signal }).then(
            (out) => {
                const { problems } = JSON.parse(out) as { problems: Problem[] };
                setTried(itemsWith<Omit<Tried, 'exact'>>(out, 'steps', 'input'));
                setRefused(problemsAt(problems));
                if (problems.length > 0) onFound(problemsAt(problems));
            },
            (e) => {
                if (isAbort(e)) return;
                const problems = problemsOf(e);
                if (Object.keys(problems).length > 0) onProblems(problems);
                else setError(e);
            },
        );
        return () => abort.abort();
    }, [sampleLoading]);
    const without = draft.trigger.type === 'incoming_webhook' && sample?.requests.length === 0;
    return (
        <Dialog title="Test run" onClose={onClose} wide>
            <div class="dialog-body">
                <Note>Nothing is done: no record is changed, nothing is sent. This is what each step would do with {without ? 'an empty request' : 'the sample'}.</Note>
                {without && <Note tone="warn">There is no sample yet. Send a request to the Trigger URL to try it with real data.</Note>}
                {error !== null && <ErrorNote error={error} />}
                {!tried && error === null && <Skeleton rows={3} />}
                {Object.keys(refused).length > 0 && <Refused problems={refused} draft={draft} />}
                {tried?.length === 0 && <p>There are no steps yet.</p>}
                {tried && (
                    <ol class="tried-list">
                        {tried.map((s) => (
                            <TriedStep key={s.id} s={s} n={nodes.find((n) => n.id === s.id)} nameOf={nameOf} />
                        ))}
                    </ol>
                )}
            </div>
        </Dialog>
    );
}
