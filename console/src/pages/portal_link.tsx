// SPDX-License-Identifier: Apache-2.0
// A link that lets a customer look after their own endpoints.
import { useState } from 'preact/hooks';
import { api } from '../lib/api';
import { Button, Card, Check, Code, ErrorNote, SelectField } from '../ui/basic';
import { Confirm } from '../ui/dialog';
import { toast } from '../ui/toast';
import { useWorkspace } from '../workspace';

const lives = [
    { value: '3600', text: 'An hour' },
    { value: '86400', text: 'A day' },
    { value: '604800', text: 'A week' },
];

export function PortalCard() {
    const { app, path } = useWorkspace();
    const [readOnly, setReadOnly] = useState(false);
    const [life, setLife] = useState('86400');
    const [url, setUrl] = useState<string | null>(null);
    const [busy, setBusy] = useState(false);
    const [ending, setEnding] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const make = async () => {
        setBusy(true);
        setError(null);
        try {
            setUrl((await api.post<{ url: string }>(`/auth/app-portal-access/${app!.id}`, { readOnly, expiry: Number(life) })).url);
        } catch (e) {
            setError(e);
        }
        setBusy(false);
    };
    return (
        <Card title="Customer portal">
            <div class="stack">
                <p class="muted">A link to these pages for {app?.name}, without an account. Your application makes such links for its own users: POST /api/v1/auth/app-portal-access/{app?.uid ?? app?.id}.</p>
                <div class="pair">
                    <SelectField label="What it opens lasts" value={life} onChange={setLife} options={lives} />
                    <div class="field">
                        <span class="field-label">Rights</span>
                        <Check label="Only look, change nothing" checked={readOnly} onChange={setReadOnly} />
                    </div>
                </div>
                {error !== null && <ErrorNote error={error} />}
                <div class="row">
                    <Button busy={busy} disabled={!app} onClick={() => void make()}>
                        Make a link
                    </Button>
                    <Button kind="quiet" onClick={() => setEnding(true)}>
                        End all portal visits
                    </Button>
                </div>
                {url !== null && (
                    <>
                        <Code label="Portal link" text={url} />
                        <p class="hint">It works once. Send it to one person.</p>
                    </>
                )}
            </div>
            {ending && (
                <Confirm
                    title="End all portal visits?"
                    action="End them"
                    danger
                    onClose={() => setEnding(false)}
                    onConfirm={async () => {
                        await api.post(`/auth${path}/expire-all`);
                        setEnding(false);
                        toast.done('All visits and links of this workspace are over.');
                    }}
                >
                    <p>Everybody who came by a link is signed out, and links that were not used yet stop working.</p>
                </Confirm>
            )}
        </Card>
    );
}
