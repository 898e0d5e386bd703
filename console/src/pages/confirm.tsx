// SPDX-License-Identifier: Apache-2.0
// The password once more, before a secret is shown or made: whoever sits at a forgotten browser does not know it.
import { useEffect, useState } from 'preact/hooks';
import { api, ApiError, errorText, identify } from '../lib/api';
import { session } from '../lib/session';
import { useValue, value } from '../lib/store';
import { Button, TextField } from '../ui/basic';
import { Dialog } from '../ui/dialog';

// Whoever waits for the answer; several requests may, for the same one.
const waiting = value<((given: boolean) => void)[]>([]);

identify.confirm(() => new Promise((resolve) => waiting.set([...waiting.get(), resolve])));

function end(given: boolean): void {
    const all = waiting.get();
    waiting.set([]);
    for (const resolve of all) resolve(given);
}

function words(error: unknown): string {
    const kind = error instanceof ApiError ? error.code : '';
    if (kind === 'bad_credentials') return 'The password is wrong.';
    if (kind === 'bad_code') return 'This code does not fit. Take the newest one from your app.';
    return errorText(error);
}

function Ask() {
    const user = session.get()?.user;
    const [password, setPassword] = useState('');
    const [code, setCode] = useState('');
    const [wantsCode, setWantsCode] = useState(user?.totp ?? false);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<string | null>(null);
    useEffect(() => () => end(false), []);
    const submit = async (event: Event) => {
        event.preventDefault();
        setBusy(true);
        setError(null);
        try {
            await api.post('/console/session/confirm', { password, ...(wantsCode ? { code: code.replace(/\s/g, '') } : {}) }, { quiet: true });
            return end(true);
        } catch (e) {
            if (e instanceof ApiError && e.code === 'totp_required') setWantsCode(true);
            else setError(words(e));
        }
        setBusy(false);
    };
    return (
        <Dialog title="Is it you?" onClose={() => end(false)}>
            <form onSubmit={(e) => void submit(e)}>
                <div class="dialog-body">
                    <p>Secrets are shown and made only shortly after a password was entered. Enter yours once more.</p>
                    <input type="hidden" autocomplete="username" value={user?.email ?? ''} />
                    <TextField label="Password" type="password" autocomplete="current-password" value={password} onInput={setPassword} required autofocus />
                    {wantsCode && <TextField label="Code" inputMode="numeric" autocomplete="one-time-code" value={code} onInput={setCode} hint="The six digits that your authenticator app shows." required />}
                    {error && (
                        <p class="field-error" role="alert">
                            {error}
                        </p>
                    )}
                </div>
                <div class="dialog-foot">
                    <Button onClick={() => end(false)}>Cancel</Button>
                    <Button kind="primary" type="submit" busy={busy}>
                        Continue
                    </Button>
                </div>
            </form>
        </Dialog>
    );
}

export function ConfirmIdentity() {
    return useValue(waiting).length > 0 ? <Ask /> : null;
}
