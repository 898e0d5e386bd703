// SPDX-License-Identifier: Apache-2.0
// Beside the flow: the sample, and the Variables that it gives.
import { useState } from 'preact/hooks';
import { api } from '../lib/api';
import { ago, bytes } from '../lib/format';
import { useLoad } from '../lib/load';
import { loadRequest } from '../lib/requests';
import { Link } from '../lib/router';
import { before } from '../lib/steps';
import { expression, exampleText, variableGroups } from '../lib/variables';
import { Button, Card, copyText, ErrorNote, Field, Note, Skeleton } from '../ui/basic';
import { putIntoLastField, VariableList } from '../ui/template';
import { Data } from '../ui/json';
import { Dialog } from '../ui/dialog';
import { toast } from '../ui/toast';
import { useWorkspace } from '../workspace';
import { useBuilder } from './builder_state';

function SampleDialog({ id, onClose }: { id: string; onClose: () => void }) {
    const { path } = useWorkspace();
    const { automation } = useBuilder();
    const at = `${path}/trigger/${automation.trigger.id}/request/${id}`;
    const loaded = useLoad(at, (signal) => loadRequest(at, signal));
    return (
        <Dialog title="Sample request" wide onClose={onClose}>
            <div class="dialog-body">{loaded.data ? <Data text={loaded.data.bodyText} label="Body" /> : loaded.error !== undefined ? <ErrorNote error={loaded.error} retry={loaded.reload} /> : <Skeleton rows={4} />}</div>
        </Dialog>
    );
}

function SampleChoice() {
    const { base } = useWorkspace();
    const { sample, where, readOnly, reloadSample, automation } = useBuilder();
    const [shown, setShown] = useState(false);
    const chosen = sample?.requests.find((r) => r.selected);
    if (!sample || !chosen) return null;
    const use = async (id: string) => {
        try {
            await api.post(`${where}/sample/${id}/use`);
            reloadSample();
        } catch (e) {
            toast.failed(e);
        }
    };
    const newest = sample.requests[0]!;
    return (
        <div class="stack tight">
            <Field label="Sample">
                {(ids) => (
                    <select {...ids} value={chosen.id} disabled={readOnly} onChange={(e) => void use(e.currentTarget.value)}>
                        {sample.requests.map((r) => (
                            <option key={r.id} value={r.id}>
                                {`${r.method}, ${ago(r.receivedAt)}, ${bytes(r.size)}`}
                            </option>
                        ))}
                    </select>
                )}
            </Field>
            {sample.changes > 0 && (
                <Note tone="warn" action={readOnly ? undefined : <Button small onClick={() => void use(newest.id)}>Use the newest</Button>}>
                    {sample.changes === 1 ? 'One key is' : `${sample.changes} keys are`} different in the newest request.
                </Note>
            )}
            <div class="row">
                <Button small kind="quiet" icon="eye" onClick={() => setShown(true)}>
                    Look at it
                </Button>
                <Link to={`${base}/automations/${automation.id}/requests`} class="button quiet small">
                    All requests
                </Link>
            </div>
            {shown && <SampleDialog id={chosen.id} onClose={() => setShown(false)} />}
        </div>
    );
}

function pick(path: string): void {
    if (putIntoLastField(expression(path))) return;
    void copyText(expression(path)).then((ok) => toast.done(ok ? `${expression(path)} is copied: paste it into a field.` : 'Click into a field first.'));
}

export function VariablesCard() {
    const { sample, sampleLoading, draft, open } = useBuilder();
    const [search, setSearch] = useState('');
    const earlier = typeof open === 'number' ? (before(draft.nodes, open) ?? []) : open === 'trigger' ? [] : draft.nodes;
    const words = search.toLowerCase();
    const groups = variableGroups(sample?.variables ?? [], earlier, sample?.contact ?? null, draft.trigger.type);
    const found = groups.map((g) => ({ ...g, variables: g.variables.filter((v) => v.path.toLowerCase().includes(words) || exampleText(v.example).toLowerCase().includes(words)) })).filter((g) => g.variables.length > 0);
    // What can be clicked appears where it stays.
    if (sampleLoading)
        return (
            <Card title="Variables">
                <Skeleton rows={6} />
            </Card>
        );
    const empty = draft.trigger.type === 'incoming_webhook' && sample !== undefined && sample.requests.length === 0;
    return (
        <Card title="Variables">
            <div class="stack">
                {empty ? <p class="muted">Send a sample request to the Trigger URL: its keys appear here, to be used in the steps.</p> : <SampleChoice />}
                {sample?.made && !empty && draft.trigger.type !== 'schedule' && <p class="hint">It has not run yet: these are examples.</p>}
                {!empty && (
                    <>
                        <input type="search" aria-label="Filter variables" placeholder="Filter" value={search} autocomplete="off" spellcheck={false} onInput={(e) => setSearch(e.currentTarget.value)} />
                        <p class="hint">Click into a field, then on a variable.</p>
                        <div class="variables-scroll" role="group" aria-label="Variables" tabIndex={0}>
                            {found.map((g) => (
                                <VariableList key={g.title} group={g} onPick={pick} />
                            ))}
                        </div>
                        <Filters />
                    </>
                )}
            </div>
        </Card>
    );
}

const filters: [string, string][] = [
    ['| default: "you"', 'when there is nothing'],
    ['| lower', 'in lower case'],
    ['| trim', 'without blanks around it'],
    ['| date: "%d.%m.%Y"', 'a time, in this form'],
    ['| add_time: "7d"', 'a time, a week later'],
    ['| round: 2', 'a number, to two places'],
    ['| times: 1.19', 'a number, multiplied'],
    ['| first', 'the first of a list'],
    ['| join: ", "', 'a list as a text'],
    ['| required', 'without it the step fails'],
];

// The most useful ones; the guide has them all.
function Filters() {
    return (
        <details class="plain">
            <summary>Change a value</summary>
            <p class="hint">Behind the variable, before the braces close, such as {'{{ contact.name | default: "you" }}'}.</p>
            <dl class="filter-list">
                {filters.map(([text, what]) => (
                    <div key={text}>
                        <dt class="mono">{text}</dt>
                        <dd class="hint">{what}</dd>
                    </div>
                ))}
            </dl>
        </details>
    );
}
