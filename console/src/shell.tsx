// SPDX-License-Identifier: Apache-2.0
// What surrounds every page: where one can go, who one is, whether the server is there.
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { connected } from './lib/api';
import { go, Link, mayLeave, usePath } from './lib/router';
import { chooseEnvironment, environment, ownsEnvironment, session, signOut } from './lib/session';
import { recordTypeName } from './lib/records';
import { remember, remembered, useValue, value } from './lib/store';
import { Button, Choices, ErrorNote } from './ui/basic';
import { Icon, type IconName } from './ui/icons';
import { onlyWorkspace, useLastWorkspace, useRecordTypes, useWorkspace } from './workspace';

// The pages of a workspace, as the navigation lists them.
const workspaceLinks: { path: string; text: string; icon: IconName }[] = [
    { path: '/webhooks', text: 'Webhooks', icon: 'webhook' },
    { path: '/logs', text: 'Webhook Logs', icon: 'logs' },
    { path: '/automations', text: 'Automations', icon: 'flow' },
    { path: '/records', text: 'Records', icon: 'box' },
    { path: '/developer', text: 'Developer Settings', icon: 'code' },
];

export function Logo({ size = 24 }: { size?: number }) {
    return (
        <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <rect width="32" height="32" rx="8" />
            <path d="M9 23V9h8.5a5 5 0 0 1 0 10H13m5 0 4.5 4.5" fill="none" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" />
        </svg>
    );
}

function NavLink({ to, icon, text, exact }: { to: string; icon: IconName; text: string; exact?: boolean }) {
    const path = usePath();
    const current = path === to || (!exact && path.startsWith(`${to}/`));
    return (
        <Link to={to} class="nav-item" aria-current={current ? 'page' : undefined}>
            <Icon name={icon} />
            <span>{text}</span>
        </Link>
    );
}

// Whether the organization is unfolded: by hand, or because the page is one of it.
const unfolded = value<boolean | null>(null);

// The types of records, while one looks at them.
function RecordLinks({ base }: { base: string }) {
    const types = useRecordTypes();
    const inside = usePath().startsWith(`${base}/records`);
    if (!inside || !types.data) return null;
    return (
        <ul>
            {types.data.map((t) => (
                <li key={t.name}>
                    <NavLink to={`${base}/records/${encodeURIComponent(t.name)}`} icon="right" text={recordTypeName(t.name)} />
                </li>
            ))}
        </ul>
    );
}

function WorkspaceLinks({ base }: { base: string }) {
    return (
        <ul>
            {workspaceLinks.map((l) => (
                <li key={l.path}>
                    <NavLink to={base + l.path} icon={l.icon} text={l.text} exact={l.path === '/records'} />
                    {l.path === '/records' && <RecordLinks base={base} />}
                </li>
            ))}
        </ul>
    );
}

function Organization({ base, name }: { base: string; name: string }) {
    const path = usePath();
    const inside = path.startsWith(`${base}/`) && !path.endsWith('/settings');
    const open = useValue(unfolded) ?? inside;
    return (
        <ul>
            <li>
                <button type="button" class="nav-item" aria-expanded={open} onClick={() => unfolded.set(!open)}>
                    <Icon name={open ? 'down' : 'right'} />
                    <span>{name}</span>
                </button>
                {open && <WorkspaceLinks base={base} />}
            </li>
        </ul>
    );
}

// As the documents of the two products describe it: Settings, there the organization, there Webhooks; or Webhooks directly.
function SettingsNav() {
    const workspace = useWorkspace();
    const who = useValue(session);
    const portal = who?.portal ?? null;
    const lookedAt = useLastWorkspace();
    // Until a workspace is there, it looks as it did the last time.
    const last = workspace.id === null ? (lookedAt ?? onlyWorkspace()) : lookedAt?.id === workspace.id ? lookedAt : null;
    const base = portal ? '/portal' : workspace.id !== null ? workspace.base : last ? `/app/${encodeURIComponent(last.id)}` : null;
    const name = portal?.appName ?? workspace.app?.name ?? last?.name ?? workspace.id ?? '';
    const profile = workspace.app?.profile ?? last?.profile;
    const path = usePath();
    const settings = portal ? '/portal/settings' : '/settings';
    const folds = profile === 'metapulse';
    return (
        <li>
            <Link to={settings} class="nav-item" aria-current={path === settings ? 'page' : undefined} onClick={() => unfolded.set(null)}>
                <Icon name="gear" />
                <span>Settings</span>
            </Link>
            {base !== null && (folds ? <Organization base={base} name={name} /> : <WorkspaceLinks base={base} />)}
        </li>
    );
}

const themes = ['auto', 'light', 'dark'] as const;
type Theme = (typeof themes)[number];

function chosenTheme(): Theme {
    const t = remembered('theme');
    return t === 'light' || t === 'dark' ? t : 'auto';
}

const theme = value<Theme>(chosenTheme());
const themeNames: Record<Theme, string> = { auto: 'As the system', light: 'Light', dark: 'Dark' };

function setTheme(to: Theme): void {
    remember('theme', to === 'auto' ? null : to);
    if (to === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = to;
    theme.set(to);
}

function ThemeSwitch() {
    const now = useValue(theme);
    const next = themes[(themes.indexOf(now) + 1) % themes.length]!;
    const icons: Record<Theme, IconName> = { auto: 'auto', light: 'sun', dark: 'moon' };
    return <Button kind="quiet" icon={icons[now]} label={`Theme: ${themeNames[now]}. Switch to: ${themeNames[next]}`} title={`Theme: ${themeNames[now]}`} onClick={() => setTheme(next)} />;
}

export function ThemeChoice() {
    return <Choices label="Theme" value={useValue(theme)} onChange={setTheme} options={themes.map((t) => ({ value: t, text: themeNames[t] }))} />;
}

function EnvironmentSwitch() {
    const who = useValue(session);
    const current = useValue(environment);
    const names = new Map<string, string>();
    for (const m of who?.memberships ?? []) names.set(m.environment, m.environmentName || m.environment);
    if (names.size < 2) return null;
    return (
        <select
            aria-label="Environment"
            value={current ?? ''}
            onChange={(e) => {
                const chosen = e.currentTarget.value;
                e.currentTarget.value = current ?? ''; // until it is
                if (!mayLeave()) return;
                chooseEnvironment(chosen);
                go('/', { force: true });
            }}
        >
            {[...names].map(([id, name]) => (
                <option key={id} value={id}>
                    {name}
                </option>
            ))}
        </select>
    );
}

function Who() {
    const who = useValue(session);
    const workspace = useWorkspace();
    if (!who) return null;
    return (
        <>
            <EnvironmentSwitch />
            <div class="row">
                <div class="who grow">
                    <strong>{who.user ? who.user.name || who.user.email : (who.portal?.appName ?? '')}</strong>
                    <span class="muted">{who.portal?.readOnly ? 'Read-only' : who.portal ? 'Portal' : workspace.rights.admin ? 'Owner' : who.user?.email}</span>
                </div>
                <ThemeSwitch />
                <Button kind="quiet" icon="out" label="Sign out" title="Sign out" onClick={() => void signOut()} />
            </div>
        </>
    );
}

function Side({ open }: { open: boolean }) {
    const who = useValue(session);
    return (
        <div class={`side${open ? ' open' : ''}`} id="side">
            <Link to={who?.portal ? '/portal/webhooks' : '/'} class="brand">
                <Logo />
                Postrider
            </Link>
            <nav aria-label="Main">
                <ul>
                    {who?.user && (
                        <li>
                            <NavLink to="/" icon="grid" text="Workspaces" exact />
                        </li>
                    )}
                    <SettingsNav />
                    {who?.user && ownsEnvironment() && (
                        <li>
                            <NavLink to="/system" icon="pulse" text="System" />
                        </li>
                    )}
                </ul>
            </nav>
            <div class="side-foot">
                <Who />
            </div>
        </div>
    );
}

function Lost() {
    const here = useValue(connected);
    useEffect(() => {
        if (here) return undefined;
        const timer = setInterval(() => {
            void fetch('/api/v1/health/ping', { cache: 'no-store' }).then(
                (r) => r.ok && connected.set(true),
                () => {},
            );
        }, 3000);
        return () => clearInterval(timer);
    }, [here]);
    return (
        <div role="status">
            {!here && (
                <div class="banner">
                    <Icon name="warn" />
                    <span class="grow">The connection to the server is lost. Trying again…</span>
                    <Button small onClick={() => location.reload()}>
                        Reload
                    </Button>
                </div>
            )}
        </div>
    );
}

export function Shell({ children }: { children: ComponentChildren }) {
    const [open, setOpen] = useState(false);
    const menu = useRef<HTMLDivElement>(null);
    const path = usePath();
    const workspace = useWorkspace();
    useLayoutEffect(() => setOpen(false), [path]);
    useLayoutEffect(() => {
        if (!open) return undefined;
        const close = (event: KeyboardEvent) => {
            if (event.key !== 'Escape') return;
            setOpen(false);
            menu.current?.querySelector('button')?.focus();
        };
        addEventListener('keydown', close);
        return () => removeEventListener('keydown', close);
    }, [open]);
    return (
        <div class="shell">
            <a class="skip" href="#main" onClick={(e) => (e.preventDefault(), document.getElementById('main')?.focus())}>
                Skip to the page
            </a>
            <header class="frame">
                <div class="topbar" ref={menu}>
                    <Button kind="quiet" icon="menu" label="Menu" aria-expanded={open} aria-controls="side" onClick={() => setOpen(!open)} />
                    <span class="brand">
                        <Logo />
                        Postrider
                    </span>
                    <ThemeSwitch />
                </div>
                <Side open={open} />
            </header>
            {open && <button type="button" class="scrim" tabIndex={-1} aria-label="Close the menu" onClick={() => setOpen(false)} />}
            <div>
                <Lost />
                <main id="main" tabIndex={-1}>
                    <div class="page">{workspace.error ? <ErrorNote error={workspace.error} /> : children}</div>
                </main>
            </div>
        </div>
    );
}

// Pages outside of it: signing in.
export function Alone({ children }: { children: ComponentChildren }) {
    return (
        <div class="alone">
            <div class="alone-box">
                <header class="brand">
                    <Logo size={28} />
                    Postrider
                </header>
                {children}
            </div>
        </div>
    );
}
