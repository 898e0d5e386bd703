// SPDX-License-Identifier: Apache-2.0
// The builder of one automation: a draft of its trigger and its steps, tried, saved and published.
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { api, ApiError } from '../lib/api';
import { type Automation, hasDraft } from '../lib/automations';
import { exactNumbers } from '../lib/json';
import { all, useLoad } from '../lib/load';
import { setLeaveGuard } from '../lib/router';
import { useSample } from '../lib/sample';
import { nodesOf, walk } from '../lib/steps';
import { settled, triggerDraft, triggerOut } from '../lib/trigger_draft';
import { Button, ErrorNote, Head, Note, Pending, TextField } from '../ui/basic';
import { Dialog } from '../ui/dialog';
import { toast } from '../ui/toast';
import type { RecordType } from '../lib/records';
import { useEventTypes, useRecordTypes, useWorkspace } from '../workspace';
import { AutomationHead } from './automation_head';
import { TestDialog } from './automation_test';
import { type Builder, BuilderContext, type Draft, draftOut, gaps, type Problems, problemsOf } from './builder_state';
import { Moving, useFocusOnMoved } from './builder_move';
import { Flow } from './builder_steps';
import { TriggerCard } from './builder_trigger';
import { VariablesCard } from './builder_variables';

async function loadAutomation(where: string, signal?: AbortSignal): Promise<Automation> {
    return JSON.parse(exactNumbers(await api.text(where, signal ? { signal } : {}))) as Automation;
}

function draftOf(a: Automation): Draft {
    return { name: a.name, trigger: triggerDraft(a.trigger), concurrency: a.concurrency ? String(a.concurrency) : '', nodes: nodesOf(a.steps) };
}

// To see whether something was changed; keys are not a part of it.
function fingerprint(d: Draft): string {
    try {
        return JSON.stringify(draftOut(d));
    } catch {
        return ''; // JSON that is being written
    }
}

// The part of the page where a problem is.
function placeOf(d: Draft, problems: Problems): number | 'trigger' | null {
    const places = Object.keys(problems);
    if (places.some((p) => p.startsWith('trigger') || p === 'concurrency')) return 'trigger';
    const found = walk(d.nodes).filter(({ path }) => places.some((p) => p === `steps.${path}` || p.startsWith(`steps.${path}.`)));
    return found.length > 0 ? found[found.length - 1]!.node.key : null;
}

function showProblem(): void {
    requestAnimationFrame(() => document.querySelector<HTMLElement>('[aria-invalid="true"], .flow-body .field-error, .flow-card.bad')?.scrollIntoView({ block: 'center' }));
}

function Conflict({ onClose, onLoad, onOverwrite }: { onClose: () => void; onLoad: () => void; onOverwrite: () => void }) {
    return (
        <Dialog title="Somebody changed this automation meanwhile" onClose={onClose}>
            <div class="dialog-body">
                <p>It was saved elsewhere after you opened it. If you save yours, what they changed is gone from the draft.</p>
            </div>
            <div class="dialog-foot">
                <Button onClick={onClose}>Cancel</Button>
                <Button onClick={onLoad}>Load theirs, drop mine</Button>
                <Button kind="primary" onClick={onOverwrite}>
                    Save mine
                </Button>
            </div>
        </Dialog>
    );
}

interface EditorProps {
    loaded: Automation;
    recordTypes: RecordType[];
    onSaved: (a: Automation) => void;
    onReload: (a: Automation) => void; // the draft is dropped
}

function Editor({ loaded, recordTypes, onSaved, onReload }: EditorProps) {
    const { path, id: app, app: workspace, rights } = useWorkspace();
    const where = `${path}/automation/${loaded.id}`;
    const [draft, setDraft] = useState<Draft>(() => draftOf(loaded));
    const [saved, setSaved] = useState(() => fingerprint(draftOf(loaded)));
    const [problems, setProblems] = useState<Problems>({});
    const [refused, setRefused] = useState('Not saved'); // what the problems kept from being done
    const [open, setOpen] = useState<number | 'trigger' | null>(loaded.steps.length === 0 ? 'trigger' : null);
    const [busy, setBusy] = useState<'save' | 'publish' | 'move' | null>(null); // move: paused, or put on again
    const [next, setNext] = useState<'save' | 'publish' | null>(null); // asked for while it is busy
    const [error, setError] = useState<unknown>(null);
    const [testing, setTesting] = useState(false);
    const [conflict, setConflict] = useState<'save' | 'publish' | null>(null); // somebody else saved meanwhile
    // With what the draft says starts it; requests come in only once that is saved.
    const begins = useMemo(() => ({ ...loaded, trigger: { ...loaded.trigger, ...(triggerOut(draft.trigger) as object), type: draft.trigger.type } }), [loaded, draft.trigger]);
    const sample = useSample(app, path, draft.trigger.type === 'incoming_webhook' && !loaded.trigger.url ? undefined : begins);
    const sequences = useLoad(`automations of ${path}`, (signal) => all<Automation>(`${path}/automation`, {}, signal));
    const events = useEventTypes(workspace?.profile);
    const now = useMemo(() => fingerprint(draft), [draft]);
    const dirty = now !== saved || draft.trigger.secret !== '' || draft.trigger.verifyToken !== '';
    const readOnly = !rights.automations;
    useLayoutEffect(() => {
        setLeaveGuard(() => dirty && !readOnly);
        return () => setLeaveGuard(null);
    }, [dirty]);

    const fresh = useRef({ key: 0 }).current;
    const focusOn = useFocusOnMoved();
    const [moving, setMoving] = useState<number | null>(null);
    const saving = useRef<() => unknown>(() => {});
    const stored = useRef(loaded);
    stored.current = loaded;
    // One after the other: each builds upon what the one before has stored.
    const ask = (what: 'save' | 'publish') => {
        if (busy !== null) setNext(next === 'publish' ? next : what);
        else if (dirty || what === 'publish') void run(what);
    };
    saving.current = () => readOnly || ask('save');
    useLayoutEffect(() => {
        if (busy !== null || next === null) return;
        setNext(null);
        ask(next);
    }, [busy]);
    useLayoutEffect(() => {
        const keys = (event: KeyboardEvent) => {
            if (event.key !== 's' || !(event.ctrlKey || event.metaKey) || event.altKey) return;
            event.preventDefault();
            saving.current();
        };
        addEventListener('keydown', keys);
        return () => removeEventListener('keydown', keys);
    }, []);

    const refuse = (found: Problems, not: string) => {
        setNext(null);
        setProblems(found);
        setRefused(not);
        setOpen(placeOf(draft, found));
        showProblem();
    };
    // Returns what is stored now, or null.
    const save = async (over: boolean): Promise<Automation | null> => {
        const missing = gaps(draft);
        if (Object.keys(missing).length > 0) {
            refuse(missing, 'Not saved');
            return null;
        }
        const out = await api.put<Automation>(where, draftOut(draft), over ? {} : { headers: { 'If-Match': `"${loaded.updatedAt}"` } });
        const kept = { ...draft, trigger: settled(draft.trigger) };
        setProblems({});
        // What was typed meanwhile stays.
        setDraft((d) => ({
            ...d,
            trigger: {
                ...d.trigger,
                known: draft.trigger.profile || null,
                secret: d.trigger.secret === draft.trigger.secret ? '' : d.trigger.secret,
                verifyToken: d.trigger.verifyToken === draft.trigger.verifyToken ? '' : d.trigger.verifyToken,
            },
        }));
        setSaved(fingerprint(kept));
        onSaved(out);
        return out;
    };
    const run = async (what: 'save' | 'publish', over = false) => {
        let not = 'Not saved';
        setBusy(what);
        setError(null);
        try {
            const out = what === 'save' || dirty || over ? await save(over) : loaded;
            if (out && what === 'publish') {
                not = 'Not published, but saved';
                onSaved(await api.post<Automation>(`${where}/publish`, {}, { headers: { 'If-Match': `"${out.updatedAt}"` } }));
                toast.done(loaded.trigger.type === 'sequence' ? 'Published: other automations can start it.' : 'Published: it is on from now on.');
            } else if (out) {
                toast.done(out.publishedVersion === null ? 'The draft is saved.' : 'The draft is saved. What is published stays as it is until you publish.');
            }
        } catch (e) {
            const found = problemsOf(e);
            setNext(null);
            if (e instanceof ApiError && e.status === 412) setConflict(what);
            else if (Object.keys(found).length > 0) refuse(found, not);
            else setError(e);
        }
        setBusy(null);
    };
    const builder: Builder = {
        automation: loaded,
        where,
        draft,
        edit: (fn) => {
            setDraft(fn);
            setProblems({});
        },
        problems,
        readOnly,
        sample: sample.data,
        sampleLoading: sample.data === undefined && sample.loading,
        reloadSample: sample.reload,
        rotated: (url) => onSaved({ ...stored.current, trigger: { ...stored.current.trigger, url } }),
        open,
        setOpen,
        fresh,
        focusOn,
        moving: walk(draft.nodes).some((w) => w.node.key === moving) ? moving : null, // it may have been removed
        setMoving,
        sequences: (sequences.data ?? []).filter((a) => a.id !== loaded.id),
        recordTypes,
        eventTypes: (events.data ?? []).map((t) => t.name),
    };
    const wrong = Object.keys(problems).length;
    return (
        <BuilderContext.Provider value={builder}>
            <AutomationHead automation={loaded} onChange={onSaved} held={busy !== null} onBusy={(on) => setBusy(on ? 'move' : null)} note={dirty && !readOnly ? 'Not saved yet' : undefined}>
                {!readOnly && (
                    <>
                        <Button icon="play" onClick={() => setTesting(true)}>
                            Test run
                        </Button>
                        <Button busy={busy === 'save' && next === null} disabled={!dirty} onClick={() => ask('save')}>
                            Save draft
                        </Button>
                        <Button kind="primary" busy={busy === 'publish' || next === 'publish'} disabled={!dirty && loaded.publishedVersion !== null && !hasDraft(loaded)} onClick={() => ask('publish')}>
                            Publish
                        </Button>
                    </>
                )}
            </AutomationHead>
            {error !== null && <ErrorNote error={error} />}
            {wrong > 0 && <Note tone="bad">{`${refused}: ${wrong === 1 ? 'one thing needs' : `${wrong} things need`} a look.`}</Note>}
            <div class="columns builder">
                <div class="builder-flow">
                    {!readOnly && (
                        <div class="builder-name">
                            <TextField label="Name" value={draft.name} onInput={(name) => builder.edit((d) => ({ ...d, name }))} error={problems.name} />
                        </div>
                    )}
                    <TriggerCard />
                    <Moving />
                    <Flow nodes={draft.nodes} list="root" path="" number="" />
                </div>
                <aside class="builder-side" aria-label="Variables of this automation">
                    <VariablesCard />
                </aside>
            </div>
            {conflict && (
                <Conflict
                    onClose={() => setConflict(null)}
                    onLoad={() => void loadAutomation(where).then(onReload, toast.failed)}
                    onOverwrite={() => {
                        setConflict(null);
                        void run(conflict, true);
                    }}
                />
            )}
            {testing && (
                <TestDialog
                    builder={builder}
                    onClose={() => setTesting(false)}
                    onProblems={(found) => {
                        setTesting(false);
                        refuse(found, 'Not tried');
                    }}
                    onFound={(found) => refuse(found, 'It cannot be published')}
                />
            )}
        </BuilderContext.Provider>
    );
}

export function AutomationPage({ params }: { params: Record<string, string> }) {
    const { base, path, app } = useWorkspace();
    const where = `${path}/automation/${params.auto}`;
    const loaded = useLoad<Automation>(where, (signal) => loadAutomation(where, signal));
    const [times, setTimes] = useState(0);
    const records = useRecordTypes(); // what a new step begins with depends on them
    const reload = (a: Automation) => {
        loaded.set(a);
        setTimes((n) => n + 1);
    };
    if (loaded.data && !records.loading) return <Editor key={`${loaded.data.id} ${times}`} loaded={loaded.data} recordTypes={records.data ?? []} onSaved={loaded.set} onReload={reload} />;
    return (
        <>
            <Head title="Automation" crumbs={[{ text: app?.name ?? '…' }, { to: `${base}/automations`, text: 'Automations' }, { text: '…' }]} />
            <Pending of={loaded} />
        </>
    );
}
