// SPDX-License-Identifier: Apache-2.0
// The small pieces that every page is made of.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { errorText } from '../lib/api';
import { ago, when } from '../lib/format';
import { useNow } from '../lib/load';
import { Link } from '../lib/router';
import type { Status, Tone } from '../lib/words';
import { Icon, type IconName } from './icons';

export type ButtonKind = 'primary' | 'plain' | 'quiet' | 'danger';

interface ButtonProps {
    kind?: ButtonKind;
    icon?: IconName;
    busy?: boolean;
    disabled?: boolean;
    small?: boolean;
    type?: 'button' | 'submit';
    title?: string;
    label?: string; // accessible name, when the visible text says less
    onClick?: (event: MouseEvent) => void;
    children?: ComponentChildren;
    'aria-expanded'?: boolean;
    'aria-controls'?: string;
    'aria-pressed'?: boolean;
    'aria-haspopup'?: 'menu' | 'dialog';
    'data-move'?: string; // to be found by, see pages/builder_move.tsx
}

// While it is busy it does nothing, and keeps the focus: a disabled one would lose it.
export function Button({ kind = 'plain', icon, busy, disabled, small, type = 'button', label, onClick, children, ...rest }: ButtonProps) {
    return (
        <button
            {...rest}
            type={type}
            class={`button ${kind}${small ? ' small' : ''}${children ? '' : ' only-icon'}`}
            disabled={disabled && !busy}
            aria-busy={busy || undefined}
            aria-disabled={busy || undefined}
            onClick={busy ? (event) => event.preventDefault() : onClick}
            aria-label={label}
        >
            {icon && <Icon name={icon} size={small ? 16 : 18} />}
            {children && <span>{children}</span>}
        </button>
    );
}

export function LinkButton({ to, kind = 'plain', icon, children }: { to: string; kind?: ButtonKind; icon?: IconName; children: ComponentChildren }) {
    return (
        <Link to={to} class={`button ${kind}`}>
            {icon && <Icon name={icon} size={18} />}
            <span>{children}</span>
        </Link>
    );
}

export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
    return (
        <span class={`badge ${tone}`}>
            <span class="dot" aria-hidden="true" />
            {children}
        </span>
    );
}

export function StatusBadge({ status }: { status: Status }) {
    return (
        <span class="status">
            <Badge tone={status.tone}>{status.label}</Badge>
            {status.detail && <span class="muted small-text nowrap">{status.detail}</span>}
        </span>
    );
}

// "5 min ago", moving on; the exact time as a title.
export function Time({ at, live = true }: { at: string | null | undefined; live?: boolean }) {
    const now = useNow(live ? 5000 : 60_000);
    if (!at) return <span class="muted">–</span>;
    return (
        <time dateTime={at} title={when(at)}>
            {ago(at, now)}
        </time>
    );
}

export function ErrorNote({ error, retry }: { error: unknown; retry?: () => void }) {
    return (
        <div class="note bad" role="alert">
            <Icon name="warn" />
            <div class="grow">{errorText(error)}</div>
            {retry && (
                <Button small onClick={retry}>
                    Try again
                </Button>
            )}
        </div>
    );
}

export function Note({ tone = 'plain', children, action }: { tone?: Tone; children: ComponentChildren; action?: ComponentChildren }) {
    return (
        <div class={`note ${tone}`}>
            <Icon name={tone === 'good' ? 'check' : tone === 'plain' ? 'pulse' : 'warn'} />
            <div class="grow">{children}</div>
            {action}
        </div>
    );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
    return (
        <div class="empty">
            <p class="empty-title">{title}</p>
            {children}
        </div>
    );
}

export function Skeleton({ rows = 4 }: { rows?: number }) {
    return (
        <div class="skeletons" role="status">
            <span class="unseen">Loading…</span>
            {Array.from({ length: rows }, (_, i) => (
                <div class="skeleton" key={i} />
            ))}
        </div>
    );
}

export function Crumbs({ items }: { items: { to?: string; text: string }[] }) {
    return (
        <nav class="crumbs" aria-label="Breadcrumb">
            <ol>
                {items.map((item, i) => (
                    <li key={i}>{item.to ? <Link to={item.to}>{item.text}</Link> : <span aria-current="page">{item.text}</span>}</li>
                ))}
            </ol>
        </nav>
    );
}

// The top of a page: its title is also the document's, and gets the focus, so that a screen reader says where we are.
export function Head({ title, crumbs, meta, children }: { title: string; crumbs?: { to?: string; text: string }[]; meta?: ComponentChildren; children?: ComponentChildren }) {
    const heading = useRef<HTMLHeadingElement>(null);
    useEffect(() => {
        document.title = `${title} · Postrider`;
    }, [title]);
    useLayoutEffect(() => {
        if (document.activeElement === document.body || document.activeElement === null) heading.current?.focus({ preventScroll: true });
    }, []);
    return (
        <header class="head">
            {crumbs && <Crumbs items={crumbs} />}
            <div class="head-row">
                <div class="head-title">
                    <h1 ref={heading} tabIndex={-1}>
                        {title}
                    </h1>
                    {meta}
                </div>
                {children && <div class="actions">{children}</div>}
            </div>
        </header>
    );
}

// In place of what a page shows while that is loading, or could not be loaded.
export function Pending({ of }: { of: { error: unknown; reload: () => void } }) {
    if (of.error !== undefined) return <ErrorNote error={of.error} retry={of.reload} />;
    return (
        <Card>
            <Skeleton rows={6} />
        </Card>
    );
}

export function Card({ title, actions, children, flush }: { title?: string; actions?: ComponentChildren; children: ComponentChildren; flush?: boolean }) {
    const id = useId();
    return (
        <section class={`card${flush ? ' flush' : ''}`} aria-labelledby={title ? id : undefined}>
            {title && (
                <div class="card-head">
                    <h2 id={id}>{title}</h2>
                    {actions && <div class="actions">{actions}</div>}
                </div>
            )}
            <div class="card-body">{children}</div>
        </section>
    );
}

// Buttons of which one is chosen.
export function Choices<T extends string>({ label, value, options, onChange }: { label: string; value: T; options: { value: T; text: string }[]; onChange: (to: T) => void }) {
    return (
        <div class="choices" role="group" aria-label={label}>
            {options.map((o) => (
                <button type="button" key={o.value} aria-pressed={o.value === value} onClick={() => onChange(o.value)}>
                    {o.text}
                </button>
            ))}
        </div>
    );
}

interface FieldProps {
    label: string;
    hint?: ComponentChildren;
    error?: string | null | undefined;
    optional?: boolean;
    children: (ids: { id: string; 'aria-describedby': string | undefined; 'aria-invalid': boolean | undefined }) => JSX.Element;
}

export function Field({ label, hint, error, optional, children }: FieldProps) {
    const id = useId();
    const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
    return (
        <div class="field">
            <label for={id}>
                {label}
                {optional && <span class="muted"> (optional)</span>}
            </label>
            {children({ id, 'aria-describedby': described || undefined, 'aria-invalid': error ? true : undefined })}
            {error && (
                <p class="field-error" id={`${id}-error`}>
                    {error}
                </p>
            )}
            {hint && (
                <p class="hint" id={`${id}-hint`}>
                    {hint}
                </p>
            )}
        </div>
    );
}

interface TextFieldProps {
    label: string;
    value: string;
    onInput: (value: string) => void;
    hint?: ComponentChildren;
    error?: string | null | undefined;
    optional?: boolean;
    type?: 'text' | 'email' | 'url' | 'password';
    placeholder?: string;
    autocomplete?: string;
    required?: boolean;
    inputMode?: 'numeric' | 'url' | 'email';
    onBlur?: () => void;
    mono?: boolean;
    autofocus?: boolean;
    min?: number;
    max?: number;
}

export function TextField({ label, hint, error, optional, value, onInput, mono, autofocus, autocomplete, type = 'text', ...rest }: TextFieldProps) {
    const input = useRef<HTMLInputElement>(null);
    // At once, before the next key; in a dialog, which is not open yet, the dialog does it.
    useLayoutEffect(() => {
        if (autofocus) input.current?.focus();
    }, []);
    return (
        <Field label={label} hint={hint} error={error} optional={optional ?? false}>
            {(ids) => (
                <input
                    {...ids}
                    {...rest}
                    type={type as 'text'}
                    ref={input}
                    data-first={autofocus || undefined}
                    class={mono ? 'mono' : ''}
                    value={value}
                    spellcheck={false}
                    autocomplete={autocomplete ?? 'off'}
                    onInput={(e) => onInput(e.currentTarget.value)}
                />
            )}
        </Field>
    );
}

interface Option {
    value: string;
    text: string;
}
interface SelectFieldProps {
    label: string;
    hint?: ComponentChildren;
    error?: string | null | undefined;
    value: string;
    options: Option[];
    groups?: { label: string; options: Option[] }[]; // behind the options
    onChange: (to: string) => void;
}

export function SelectField({ label, hint, error, value, options, groups = [], onChange }: SelectFieldProps) {
    const option = (o: Option) => (
        <option key={o.value} value={o.value}>
            {o.text}
        </option>
    );
    return (
        <Field label={label} hint={hint} error={error}>
            {(ids) => (
                <select {...ids} value={value} onChange={(e) => onChange(e.currentTarget.value)}>
                    {options.map(option)}
                    {groups
                        .filter((g) => g.options.length > 0)
                        .map((g) => (
                            <optgroup key={g.label} label={g.label}>
                                {g.options.map(option)}
                            </optgroup>
                        ))}
                </select>
            )}
        </Field>
    );
}

// What is rarely needed. It opens when there is something in it to see, and never folds under the hands of who writes in it.
export function Folded({ summary, open, children }: { summary: string; open: boolean; children: ComponentChildren }) {
    const ref = useRef<HTMLDetailsElement>(null);
    useLayoutEffect(() => {
        if (open) ref.current!.open = true;
    }, [open]);
    return (
        <details class="plain" ref={ref}>
            <summary>{summary}</summary>
            {children}
        </details>
    );
}

export function Check({ label, checked, onChange, hint, disabled }: { label: ComponentChildren; checked: boolean; onChange: (to: boolean) => void; hint?: ComponentChildren; disabled?: boolean }) {
    const id = useId();
    return (
        <div class="check">
            <input id={id} type="checkbox" checked={checked} disabled={disabled} aria-describedby={hint ? `${id}-hint` : undefined} onChange={(e) => onChange(e.currentTarget.checked)} />
            <div>
                <label for={id}>{label}</label>
                {hint && (
                    <p class="hint" id={`${id}-hint`}>
                        {hint}
                    </p>
                )}
            </div>
        </div>
    );
}

export function Search({ label, value, onInput, placeholder }: { label: string; value: string; onInput: (text: string) => void; placeholder?: string }) {
    return (
        <div class="search">
            <Icon name="search" size={18} />
            <input type="search" aria-label={label} value={value} placeholder={placeholder ?? label} spellcheck={false} autocomplete="off" onInput={(e) => onInput(e.currentTarget.value)} />
        </div>
    );
}

// A text with a button that copies it. `text` may differ from what is shown.
export function CopyButton({ text, label = 'Copy', small = true }: { text: string | (() => string); label?: string; small?: boolean }) {
    const [done, setDone] = useState(false);
    useEffect(() => {
        if (!done) return undefined;
        const timer = setTimeout(() => setDone(false), 1600);
        return () => clearTimeout(timer);
    }, [done]);
    return (
        <>
            <Button
                small={small}
                kind="quiet"
                icon={done ? 'check' : 'copy'}
                onClick={() => {
                    void copyText(typeof text === 'string' ? text : text()).then((ok) => setDone(ok));
                }}
            >
                {label}
            </Button>
            <span class="unseen" role="status">
                {done ? 'Copied' : ''}
            </span>
        </>
    );
}

export async function copyText(text: string): Promise<boolean> {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        // Without HTTPS, or in a frame, there is no clipboard: the old way.
        const before = document.activeElement as HTMLElement | null;
        const area = document.createElement('textarea');
        area.value = text;
        area.className = 'unseen';
        // While a dialog is open nothing outside of it can be selected.
        ([...document.querySelectorAll('dialog[open]')].pop() ?? document.body).append(area);
        area.select();
        const ok = document.execCommand('copy');
        area.remove();
        before?.focus?.({ preventScroll: true });
        return ok;
    }
}

export function Code({ text, label, copy: copyable = true, wrap = true }: { text: string; label: string; copy?: boolean; wrap?: boolean }) {
    return (
        <div class="code">
            {copyable && (
                <div class="code-copy">
                    <CopyButton text={text} label="Copy" />
                </div>
            )}
            <pre class={wrap ? 'wrap' : ''} tabIndex={0} role="group" aria-label={label}>
                <code>{text}</code>
            </pre>
        </div>
    );
}

// Label and value in rows.
export function Facts({ items }: { items: [string, ComponentChildren][] }) {
    return (
        <dl class="facts">
            {items.map(([name, what]) => (
                <div key={name}>
                    <dt>{name}</dt>
                    <dd>{what}</dd>
                </div>
            ))}
        </dl>
    );
}

// What comes next in a list: loaded when one gets there, or by hand.
export function MoreButton({ more, loading, error, onMore }: { more: boolean; loading: boolean; error: unknown; onMore: () => void }) {
    const ref = useRef<HTMLDivElement>(null);
    const load = useRef(onMore);
    load.current = onMore;
    useEffect(() => {
        if (!more || loading || error !== undefined || !ref.current) return undefined;
        const observer = new IntersectionObserver((seen) => seen.some((s) => s.isIntersecting) && load.current(), { rootMargin: '300px' });
        observer.observe(ref.current);
        return () => observer.disconnect();
    }, [more, loading, error]);
    if (!more) return null;
    return (
        <div class="more" ref={ref}>
            <Button onClick={onMore} busy={loading}>
                {loading ? 'Loading…' : 'Load more'}
            </Button>
        </div>
    );
}
