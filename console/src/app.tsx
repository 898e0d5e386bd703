// SPDX-License-Identifier: Apache-2.0
// From the path to the page, once it is known who is here.
import type { ComponentChildren, ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { go, match, usePath } from './lib/router';
import { begin, type Rights, session } from './lib/session';
import { useValue } from './lib/store';
import { Alone, Shell } from './shell';
import { ErrorNote, Skeleton } from './ui/basic';
import { Toasts } from './ui/toast';
import { useWorkspace, WorkspaceProvider } from './workspace';
import { AutomationPage } from './pages/automation';
import { NewAutomationPage } from './pages/automation_new';
import { AutomationVersionsPage } from './pages/automation_versions';
import { AutomationsPage } from './pages/automations';
import { ConfirmIdentity } from './pages/confirm';
import { DeveloperPage } from './pages/developer';
import { EndpointPage } from './pages/endpoint';
import { EditEndpointPage, NewEndpointPage } from './pages/endpoint_form';
import { EventPage } from './pages/event';
import { LinkPage } from './pages/link';
import { LoginPage } from './pages/login';
import { LogsPage } from './pages/logs';
import { RecordPage } from './pages/record';
import { ImportPage } from './pages/record_import';
import { RecordsHome, RecordsPage } from './pages/records';
import { RequestPage } from './pages/request';
import { RequestsPage } from './pages/requests';
import { RunPage } from './pages/run';
import { RunsPage } from './pages/runs';
import { SettingsPage } from './pages/settings';
import { SystemPage } from './pages/system';
import { WebhooksPage } from './pages/webhooks';
import { NotFound, OnlyLook, PortalOver } from './pages/other';
import { WorkspacesPage } from './pages/workspaces';

type WorkspacePage = ComponentType<{ params: Record<string, string> }>;

// Below /app/{id}, and below /portal; some only for who may change what they are about. A new part of the product is a row here and
// one in the navigation (shell.tsx).
const workspacePages: [string, WorkspacePage, keyof Rights | null][] = [
    ['/webhooks', WebhooksPage, null],
    ['/webhooks/new', NewEndpointPage, 'edit'],
    ['/webhooks/:ep', EndpointPage, null],
    ['/webhooks/:ep/edit', EditEndpointPage, 'edit'],
    ['/events/:msg', EventPage, null],
    ['/logs', LogsPage, null],
    ['/automations', AutomationsPage, null],
    ['/automations/new', NewAutomationPage, 'automations'],
    ['/automations/:auto', AutomationPage, null],
    ['/automations/:auto/versions', AutomationVersionsPage, null],
    ['/automations/:auto/runs', RunsPage, null],
    ['/automations/:auto/runs/:run', RunPage, null],
    ['/automations/:auto/requests', RequestsPage, null],
    ['/automations/:auto/requests/:request', RequestPage, null],
    ['/records', RecordsHome, null],
    ['/records/:type', RecordsPage, null],
    ['/records/:type/import', ImportPage, 'records'],
    ['/records/:type/:record', RecordPage, null],
    ['/developer', DeveloperPage, null],
];

const pages: [string, ComponentType][] = [
    ['/', WorkspacesPage],
    ['/settings', SettingsPage],
    ['/system', SystemPage],
];

// The more a pattern says literally, the better it fits.
function workspacePage(rest: string) {
    for (const [pattern, Page, needs] of workspacePages) {
        const params = match(pattern, rest);
        if (params && !(pattern.endsWith('/:ep') && params.ep === 'new')) return { Page, params, needs };
    }
    return null;
}

function Redirect({ to }: { to: string }) {
    useEffect(() => go(to, { replace: true, force: true }), [to]);
    return null;
}

// What one may not do is not begun.
function Allowed({ found }: { found: NonNullable<ReturnType<typeof workspacePage>> }) {
    const { rights } = useWorkspace();
    return found.needs !== null && !rights[found.needs] ? <OnlyLook /> : <found.Page params={found.params} />;
}

function inWorkspace(app: string, base: string, rest: string): ComponentChildren {
    if (rest === '' || rest === '/') return <Redirect to={`${base}/webhooks`} />;
    const found = workspacePage(rest);
    return (
        <WorkspaceProvider app={app} base={base} key={app}>
            <Shell>{found ? <Allowed found={found} key={rest} /> : <NotFound />}</Shell>
        </WorkspaceProvider>
    );
}

function Routed() {
    const path = usePath();
    const who = useValue(session);
    if (path === '/login') return <LoginPage />;
    if (path === '/link') return <LinkPage />;
    if (!who) return path.startsWith('/portal') ? <PortalOver /> : <Redirect to={`/login?back=${encodeURIComponent(path + location.search)}`} />;
    if (who.portal) {
        if (!path.startsWith('/portal')) return <Redirect to="/portal" />;
        const rest = path.slice('/portal'.length);
        if (rest === '/settings')
            return (
                <WorkspaceProvider app={who.portal.appId} base="/portal" key={who.portal.appId}>
                    <Shell>
                        <SettingsPage />
                    </Shell>
                </WorkspaceProvider>
            );
        return inWorkspace(who.portal.appId, '/portal', rest);
    }
    if (path.startsWith('/portal')) return <PortalOver />;
    const inApp = /^\/app\/([^/]+)(\/.*)?$/.exec(path);
    if (inApp) return inWorkspace(decodeURIComponent(inApp[1]!), `/app/${inApp[1]}`, inApp[2] ?? '');
    const page = pages.find(([pattern]) => match(pattern, path));
    const Page = page?.[1] ?? NotFound;
    return (
        <WorkspaceProvider app={null} base="" key="none">
            <Shell>
                <Page />
            </Shell>
        </WorkspaceProvider>
    );
}

export function App() {
    const [error, setError] = useState<unknown>(null);
    const [ready, setReady] = useState(false);
    const start = () => {
        setError(null);
        begin().then(
            () => setReady(true),
            (e) => (location.pathname.startsWith('/portal') ? (session.set(null), setReady(true)) : setError(e)),
        );
    };
    useEffect(start, []);
    if (error !== null)
        return (
            <Alone>
                <main>
                    <ErrorNote error={error} retry={start} />
                </main>
            </Alone>
        );
    return (
        <>
            {ready ? (
                <Routed />
            ) : (
                <Alone>
                    <main>
                        <Skeleton rows={3} />
                    </main>
                </Alone>
            )}
            <ConfirmIdentity />
            <Toasts />
        </>
    );
}
