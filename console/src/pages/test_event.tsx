// SPDX-License-Identifier: Apache-2.0
// A test event: which one, what exactly would go out, then send it.
import { useMemo, useState } from 'preact/hooks';
import { api } from '../lib/api';
import { useLoad } from '../lib/load';
import { go } from '../lib/router';
import type { Endpoint, EventType, Message, Profile } from '../lib/types';
import { Button, Code, ErrorNote, SelectField, Skeleton } from '../ui/basic';
import { Dialog } from '../ui/dialog';
import { pretty } from '../ui/json';
import { toast } from '../ui/toast';
import { useEventTypes, useWorkspace } from '../workspace';

export interface Preview {
    method: string;
    url: string;
    headers: Record<string, string>;
    body: string;
}

// The example that send-example would take: of the type's newest schema, of the profile's catalogue, else a plain one.
export function exampleOf(type: EventType | undefined, profile: Profile | undefined): unknown {
    for (const schema of Object.values(type?.schemas ?? {}).reverse()) {
        const s = schema as { examples?: unknown[]; example?: unknown };
        if (Array.isArray(s.examples) && s.examples.length > 0) return s.examples[0];
        if (s.example !== undefined) return s.example;
    }
    const known = profile?.eventTypes?.find((t) => t.name === type?.name)?.example;
    return known ?? { test: true };
}

export function TestEventDialog({ endpoint, profile, onClose }: { endpoint: Endpoint; profile: Profile; onClose: () => void }) {
    const { base, path, app } = useWorkspace();
    const types = useEventTypes(app?.profile ?? 'standard');
    const offered = useMemo(() => {
        const wanted = endpoint.eventTypes === null ? types.data : types.data?.filter((t) => endpoint.eventTypes!.includes(t.name));
        return wanted && wanted.length > 0 ? wanted : [{ name: 'svix.ping', description: '' }];
    }, [types.data, endpoint.eventTypes]);
    const [chosen, setChosen] = useState<string | null>(null);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const name = chosen ?? offered[0]!.name;
    const type = types.data?.find((t) => t.name === name);
    const preview = useLoad(types.data ? `preview ${name}` : null, (signal) =>
        api.post<Preview>(`/profile/${encodeURIComponent(profile.name)}/preview`, { eventType: name, payload: exampleOf(type, profile), url: endpoint.url }, { signal }),
    );
    const send = async () => {
        setBusy(true);
        setError(null);
        try {
            const from = location.pathname;
            const made = await api.post<Message>(`${path}/endpoint/${endpoint.id}/send-example`, { eventType: name });
            toast.done('The test event is on its way.');
            go(`${base}/events/${made.id}?endpoint=${endpoint.id}`, { from });
        } catch (e) {
            setError(e);
            setBusy(false);
        }
    };
    const headers = preview.data ? Object.entries(preview.data.headers) : [];
    return (
        <Dialog title="Send test event" onClose={onClose} wide>
            <div class="dialog-body">
                <SelectField label="Event type" value={name} onChange={setChosen} options={offered.map((t) => ({ value: t.name, text: t.name }))} hint="It is sent with example data, to this endpoint only, and appears in its events." />
                {preview.loading && !preview.data && <Skeleton rows={5} />}
                {preview.error !== undefined && <ErrorNote error={preview.error} retry={preview.reload} />}
                {preview.data && (
                    <>
                        <h3>This is the request</h3>
                        <Code label="Request headers" text={[`POST ${preview.data.url}`, ...headers.map(([n, v]) => `${n}: ${v}`)].join('\n')} copy={false} />
                        <Code label="Request body" text={pretty(preview.data.body) ?? preview.data.body} />
                        <p class="hint">Id, time and signature are of this preview; the test event has its own.</p>
                    </>
                )}
                {error !== null && <ErrorNote error={error} />}
            </div>
            <div class="dialog-foot">
                <Button onClick={onClose}>Cancel</Button>
                <Button kind="primary" icon="send" busy={busy} onClick={() => void send()}>
                    Send
                </Button>
            </div>
        </Dialog>
    );
}
