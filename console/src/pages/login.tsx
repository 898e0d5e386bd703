// SPDX-License-Identifier: Apache-2.0
// Signing in: e-mail and password, then a code where the account asks for one; and a forgotten password.
import { useEffect, useState } from 'preact/hooks';
import { api, ApiError, errorText } from '../lib/api';
import { go, useQuery } from '../lib/router';
import { session, signedIn, type Session } from '../lib/session';
import { useValue } from '../lib/store';
import { Alone } from '../shell';
import { Button, TextField } from '../ui/basic';

// Only a path of ours, so that no link leads elsewhere after signing in.
function wayBack(text: string | null): string {
    return text && /^\/(?![/\\])/.test(text) && !text.startsWith('/login') ? text : '/';
}

function Forgot({ email, onBack }: { email: string; onBack: () => void }) {
    const [address, setAddress] = useState(email);
    const [state, setState] = useState<'ask' | 'busy' | 'sent'>('ask');
    const [error, setError] = useState<unknown>(null);
    const send = async (event: Event) => {
        event.preventDefault();
        setState('busy');
        setError(null);
        try {
            await api.post('/console/password/forgot', { email: address }, { quiet: true });
            setState('sent');
        } catch (e) {
            setError(e);
            setState('ask');
        }
    };
    if (state === 'sent')
        return (
            <div class="stack" role="status">
                <h1>Look into your mail</h1>
                <p>If {address} has an account here, a link to set a new password is on its way. If none comes, the operator can make one: postrider user create.</p>
                <Button onClick={onBack}>Back to signing in</Button>
            </div>
        );
    return (
        <form class="stack" onSubmit={(e) => void send(e)}>
            <h1>Forgotten password</h1>
            <TextField label="E-mail" type="email" autocomplete="username" value={address} onInput={setAddress} required autofocus />
            {error !== null && (
                <p class="field-error" role="alert">
                    {errorText(error)}
                </p>
            )}
            <Button kind="primary" type="submit" busy={state === 'busy'}>
                Send a link
            </Button>
            <Button kind="quiet" onClick={onBack}>
                Back to signing in
            </Button>
        </form>
    );
}

export function LoginPage() {
    const who = useValue(session);
    const back = wayBack(useQuery().get('back'));
    const [email, setEmail] = useState('');
    const [password, setPassword] = useState('');
    const [code, setCode] = useState('');
    const [wantsCode, setWantsCode] = useState(false);
    const [forgot, setForgot] = useState(false);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<string | null>(null);
    useEffect(() => {
        document.title = 'Sign in · Postrider';
        if (who) go(who.portal ? '/portal' : back, { replace: true, force: true });
    }, [who]);

    const submit = async (event: Event) => {
        event.preventDefault();
        setBusy(true);
        setError(null);
        try {
            signedIn(await api.post<Session>('/console/session', { email, password, ...(wantsCode ? { code: code.replace(/\s/g, '') } : {}) }, { quiet: true }));
        } catch (e) {
            const kind = e instanceof ApiError ? e.code : '';
            if (kind === 'totp_required') {
                setWantsCode(true);
            } else if (kind === 'bad_code') {
                setError('This code does not fit. Take the newest one from your app.');
            } else if (kind === 'bad_credentials') {
                setError('E-mail or password is wrong.');
                setWantsCode(false);
            } else if (e instanceof ApiError && e.status === 429) {
                setError(`Too many tries. Wait ${e.retryAfter > 0 ? `${e.retryAfter} s` : 'a moment'}, then try again.`);
            } else {
                setError(errorText(e));
            }
        }
        setBusy(false);
    };

    return (
        <Alone>
            <main class="card">
                <div class="card-body">
                    {forgot ? (
                        <Forgot email={email} onBack={() => setForgot(false)} />
                    ) : (
                        <form class="stack" onSubmit={(e) => void submit(e)}>
                            <h1>Sign in</h1>
                            <TextField label="E-mail" type="email" autocomplete="username" value={email} onInput={setEmail} required autofocus />
                            <TextField label="Password" type="password" autocomplete="current-password" value={password} onInput={setPassword} required />
                            {wantsCode && (
                                <TextField
                                    label="Code"
                                    inputMode="numeric"
                                    autocomplete="one-time-code"
                                    value={code}
                                    onInput={setCode}
                                    hint="The six digits that your authenticator app shows."
                                    required
                                    autofocus
                                />
                            )}
                            {error && (
                                <p class="field-error" role="alert">
                                    {error}
                                </p>
                            )}
                            <Button kind="primary" type="submit" busy={busy}>
                                Sign in
                            </Button>
                            <Button kind="quiet" onClick={() => setForgot(true)}>
                                Forgotten password
                            </Button>
                        </form>
                    )}
                </div>
            </main>
        </Alone>
    );
}
