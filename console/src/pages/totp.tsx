// SPDX-License-Identifier: Apache-2.0
// A code from an authenticator as a second factor.
import { useState } from 'preact/hooks';
import { api, ApiError } from '../lib/api';
import { qrCode } from '../lib/qr';
import { session } from '../lib/session';
import { useValue } from '../lib/store';
import { Badge, Button, Card, Code, ErrorNote, TextField } from '../ui/basic';
import { Confirm, Dialog } from '../ui/dialog';
import { toast } from '../ui/toast';

function Qr({ text }: { text: string }) {
    const rows = qrCode(text);
    if (!rows) return null;
    const path = rows.flatMap((row, y) => row.map((on, x) => (on ? `M${x} ${y}h1v1h-1z` : ''))).join('');
    return (
        <svg class="qr" viewBox={`0 0 ${rows.length} ${rows.length}`} shape-rendering="crispEdges" role="img" aria-label="QR code for your authenticator app">
            <path d={path} />
        </svg>
    );
}

function know(on: boolean): void {
    const s = session.get();
    if (s?.user) session.set({ ...s, user: { ...s.user, totp: on } });
}

function SetUp({ secret, uri, onClose }: { secret: string; uri: string; onClose: () => void }) {
    const [code, setCode] = useState('');
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const confirm = async (event: Event) => {
        event.preventDefault();
        setBusy(true);
        setError(null);
        try {
            await api.put('/console/totp', { code: code.replace(/\s/g, '') }, { quiet: true });
            know(true);
            toast.done('From now on signing in asks for a code.');
            onClose();
        } catch (e) {
            setError(e);
            setBusy(false);
        }
    };
    const wrong = error instanceof ApiError && (error.code === 'bad_code' || error.field('code') !== undefined);
    return (
        <Dialog title="Set up an authenticator" onClose={onClose}>
            <form onSubmit={(e) => void confirm(e)}>
                <div class="dialog-body">
                    <p>Scan this with your authenticator app, or type the secret into it. Then enter the code that it shows.</p>
                    <Qr text={uri} />
                    <Code label="Secret" text={secret} />
                    <TextField label="Code" inputMode="numeric" autocomplete="one-time-code" value={code} onInput={setCode} error={wrong ? 'This code does not fit. Take the newest one.' : null} required />
                    {error !== null && !wrong && <ErrorNote error={error} />}
                </div>
                <div class="dialog-foot">
                    <Button onClick={onClose}>Cancel</Button>
                    <Button kind="primary" type="submit" busy={busy}>
                        Turn on
                    </Button>
                </div>
            </form>
        </Dialog>
    );
}

function TurnOff({ onClose }: { onClose: () => void }) {
    const [password, setPassword] = useState('');
    return (
        <Confirm
            title="Turn the second factor off?"
            action="Turn off"
            danger
            onClose={onClose}
            onConfirm={async () => {
                await api.delete('/console/totp', { body: { password }, quiet: true });
                know(false);
                toast.done('Signing in asks for no code any more.');
                onClose();
            }}
        >
            <TextField label="Password" type="password" autocomplete="current-password" value={password} onInput={setPassword} autofocus />
        </Confirm>
    );
}

export function TotpCard() {
    const user = useValue(session)?.user;
    const [made, setMade] = useState<{ secret: string; uri: string } | null>(null);
    const [off, setOff] = useState(false);
    const begin = () => api.post<{ secret: string; uri: string }>('/console/totp').then(setMade, toast.failed);
    return (
        <Card title="Two-factor authentication">
            <div class="row">
                <p class="grow">
                    {user?.totp ? <Badge tone="good">On</Badge> : <Badge tone="plain">Off</Badge>} <span class="muted">A code from your authenticator app, besides the password.</span>
                </p>
                {user?.totp ? <Button onClick={() => setOff(true)}>Turn off</Button> : <Button onClick={() => void begin()}>Set up</Button>}
            </div>
            {made && <SetUp {...made} onClose={() => setMade(null)} />}
            {off && <TurnOff onClose={() => setOff(false)} />}
        </Card>
    );
}
