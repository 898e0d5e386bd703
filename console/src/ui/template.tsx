// SPDX-License-Identifier: Apache-2.0
// A field whose text may hold expressions: variables are put in where the cursor is, and below stands what becomes of it.
import { createContext, type ComponentChildren, type RefObject } from 'preact';
import { useContext, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { exampleText, expression, shortPath, type VariableGroup } from '../lib/variables';
import { Button } from './basic';

export interface Preview {
    value: unknown;
    exact: string; // its text as JSON
    error: string | null;
    missing: string[];
    as: string; // what was asked for
}

// What the fields of one step know of their surroundings.
export interface Surroundings {
    groups: VariableGroup[];
    previews: Record<string, Preview>; // by place
    loading: boolean; // there will be more groups
    readOnly: boolean;
}
export const SurroundingsContext = createContext<Surroundings>({ groups: [], previews: {}, loading: false, readOnly: false });

type TextInput = HTMLInputElement | HTMLTextAreaElement;
// The field that a click on a variable elsewhere on the page writes into.
let lastField: { put: (text: string) => void; input: TextInput } | null = null;

// False: there was no field to write into.
export function putIntoLastField(text: string): boolean {
    if (!lastField || !lastField.input.isConnected) return false;
    lastField.put(text);
    return true;
}

function putAt(input: TextInput, text: string, onInput: (to: string) => void): void {
    const from = input.selectionStart ?? input.value.length;
    const to = input.selectionEnd ?? from;
    input.setRangeText(text, from, to, 'end');
    input.focus();
    onInput(input.value);
}

// Where no string is open it becomes one.
function inJson(text: string, input: TextInput): string {
    const quoted = JSON.stringify(text);
    const before = input.value.slice(0, input.selectionStart ?? input.value.length).replace(/\\./gs, '');
    return before.split('"').length % 2 === 0 ? quoted.slice(1, -1) : quoted;
}

function Picker({ groups, loading, label, onPick, onClose }: { groups: VariableGroup[]; loading: boolean; label: string; onPick: (path: string) => void; onClose: () => void }) {
    const [search, setSearch] = useState('');
    const box = useRef<HTMLDivElement>(null);
    const close = useRef(onClose);
    close.current = onClose;
    // The next key is for the search, also when the variable that had the focus is gone.
    useLayoutEffect(() => {
        if (document.activeElement === document.body) box.current?.querySelector('input')?.focus();
    });
    useLayoutEffect(() => {
        box.current?.querySelector('input')?.focus();
        const outside = (e: Event) => box.current && !box.current.contains(e.target as globalThis.Node) && close.current();
        document.addEventListener('pointerdown', outside);
        return () => document.removeEventListener('pointerdown', outside);
    }, []);
    const words = search.toLowerCase();
    const found = groups.map((g) => ({ ...g, variables: g.variables.filter((v) => v.path.toLowerCase().includes(words) || exampleText(v.example).toLowerCase().includes(words)) })).filter((g) => g.variables.length > 0);
    const keys = (event: KeyboardEvent) => {
        if (event.key === 'Escape') {
            event.stopPropagation();
            onClose();
        }
        if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
        event.preventDefault();
        const items = [...box.current!.querySelectorAll<HTMLElement>('input, button.variable')];
        const at = items.indexOf(document.activeElement as HTMLElement);
        items[Math.min(Math.max(at + (event.key === 'ArrowDown' ? 1 : -1), 0), items.length - 1)]?.focus();
    };
    return (
        <div class="picker" role="dialog" aria-label={label} ref={box} onKeyDown={keys}>
            <input
                type="search"
                aria-label="Search variables"
                placeholder="Search variables"
                value={search}
                autocomplete="off"
                spellcheck={false}
                onInput={(e) => setSearch(e.currentTarget.value)}
                onKeyDown={(e) => {
                    const first = found[0]?.variables[0];
                    if (e.key !== 'Enter') return;
                    e.preventDefault();
                    if (first) onPick(first.path);
                }}
            />
            <div class="picker-list">
                {loading && <p class="hint">Loading the sample…</p>}
                {!loading && found.length === 0 && <p class="hint">Nothing fits. Send a sample request first, or write the expression yourself.</p>}
                {found.map((g) => (
                    <VariableList key={g.title} group={g} onPick={onPick} />
                ))}
            </div>
        </div>
    );
}

const changeWords = { added: 'new', removed: 'gone', type: 'other type' };

export function VariableList({ group, onPick }: { group: VariableGroup; onPick: (path: string) => void }) {
    return (
        <div class="variables" role="group" aria-label={group.title}>
            <p class="variables-title">{group.title}</p>
            {group.variables.map((v) => (
                <button type="button" class="variable" key={v.path} title={v.path} onClick={() => onPick(v.path)}>
                    <span class="variable-path">{shortPath(v.path)}</span>
                    <span class="variable-type">
                        {v.change && <span class="changed">{changeWords[v.change]} </span>}
                        {v.type}
                    </span>
                    {v.example !== undefined && <span class="variable-example">{exampleText(v.example)}</span>}
                </button>
            ))}
        </div>
    );
}

function typeWord(v: unknown): string {
    return v === null ? 'nothing' : Array.isArray(v) ? 'list' : typeof v === 'string' ? 'text' : typeof v === 'boolean' ? 'yes or no' : typeof v;
}

const JSON_SHOWN = 400;

function isJson(v: unknown): boolean {
    try {
        JSON.parse(String(v));
        return true;
    } catch {
        return false;
    }
}

// What the text becomes with the sample. of: the name of a text that is a part of what stands above.
export function PreviewLine({ preview, text, of, required }: { preview: Preview | undefined; text: string; of?: string; required?: boolean }) {
    if (!preview || !text.includes('{{')) return null;
    const name = of !== undefined && <span class="mono">{of} </span>;
    if (preview.error)
        return (
            <p class="preview bad">
                {name}
                {preview.error}
            </p>
        );
    const json = preview.as === 'json';
    const later = preview.missing.filter((m) => /^steps\.[^.]+\.(body|event)/.test(m));
    const missing = preview.missing.filter((m) => !later.includes(m));
    const shown = exampleText(typeof preview.value === 'string' ? preview.value : preview.exact, json ? JSON_SHOWN : undefined);
    return (
        <div class="preview-lines">
            <p class="preview">
                <span class="unseen">Preview: </span>
                {name}
                <span aria-hidden="true">→ </span>
                <span class="preview-value">{shown === '' || preview.value === null ? <em>empty</em> : shown}</span> <span class="preview-type">{json ? 'JSON' : typeWord(preview.value)}</span>
            </p>
            {json && !isJson(preview.value) && <p class="preview warn">With this sample it is no JSON, although its Content-Type says so.</p>}
            {missing.map((m) => (
                <p class="preview warn" key={m}>
                    {shortPath(m)} is not in the sample{required ? ': without it the step fails' : '; it would be empty'}.
                </p>
            ))}
            {later.length > 0 && <p class="preview">{later.map(shortPath).join(', ')}: known only when it runs.</p>}
        </div>
    );
}

interface TemplateProps {
    label: string;
    hideLabel?: boolean;
    place: string; // of its preview
    value: string;
    onInput: (to: string) => void;
    hint?: ComponentChildren;
    error?: string | undefined;
    optional?: boolean;
    rows?: number; // more than one line
    placeholder?: string;
    mono?: boolean;
    json?: boolean; // variables belong into its strings
}

export function TemplateField({ label, hideLabel, place, value, onInput, hint, error, optional, rows, placeholder, mono, json }: TemplateProps) {
    const { groups, previews, loading, readOnly } = useContext(SurroundingsContext);
    const id = useId();
    const [open, setOpen] = useState(false);
    const input = useRef<TextInput>(null);
    const latest = useRef(onInput);
    latest.current = onInput;
    const described = [error && `${id}-error`, hint && `${id}-hint`, `${id}-preview`].filter(Boolean).join(' ');
    const put = (text: string) => input.current && putAt(input.current, json ? inJson(text, input.current) : text, latest.current);
    const common = {
        id,
        value,
        placeholder,
        spellcheck: false,
        autocomplete: 'off' as const,
        class: mono ? 'mono' : '',
        'aria-describedby': described,
        'aria-invalid': error ? true : undefined,
        onInput: (e: Event) => onInput((e.currentTarget as TextInput).value),
        onFocus: () => input.current && (lastField = { put, input: input.current }),
    };
    return (
        <div class="field template">
            <label for={id} class={hideLabel ? 'unseen' : ''}>
                {label}
                {optional && <span class="muted"> (optional)</span>}
            </label>
            <div class="template-box">
                {rows ? <textarea {...common} rows={rows} ref={input as RefObject<HTMLTextAreaElement>} /> : <input {...common} type="text" ref={input as RefObject<HTMLInputElement>} />}
                {!readOnly && (
                    <Button kind="quiet" small icon="braces" label={`Insert a variable into ${label}`} title="Insert a variable" aria-haspopup="dialog" aria-expanded={open} onClick={() => setOpen(!open)} />
                )}
                {open && (
                    <Picker
                        groups={groups}
                        loading={loading}
                        label="Variables"
                        onClose={() => {
                            setOpen(false);
                            input.current?.focus();
                        }}
                        onPick={(path) => {
                            setOpen(false);
                            put(expression(path));
                        }}
                    />
                )}
            </div>
            {error && (
                <p class="field-error" id={`${id}-error`}>
                    {error}
                </p>
            )}
            <div id={`${id}-preview`}>
                <PreviewLine preview={previews[place]} text={value} />
            </div>
            {hint && (
                <p class="hint" id={`${id}-hint`}>
                    {hint}
                </p>
            )}
        </div>
    );
}
