// SPDX-License-Identifier: Apache-2.0
// What a one-time link leads to: being the first user, agreeing to an invitation, choosing a new password. The token is behind
// '#', where no log sees it, and is taken out of the address at once.
import { useEffect, useState } from 'preact/hooks';
import { api, ApiError, errorText } from '../lib/api';
import { go } from '../lib/router';
import { signedIn, type Session } from '../lib/session';
import { Alone } from '../shell';
import { Button, ErrorNote, LinkButton, Skeleton, TextField } from '../ui/basic';

interface Invitation {
    kind: 'first' | 'reset' | 'invitation';
    email: string | null;
    hasPassword: boolean;
    totp: boolean;
}

const titles = { first: 'Be the first user', reset: 'Choose a new password', invitation: 'You are invited' };
const actions = { first: 'Create the account', reset: 'Set the password', invitation: 'Join' };

let token: string | null = null;
function takeToken(): string | null {
    const found = /^#(?:key=)?([\w.-]+)$/.exec(location.hash)?.[1];
    if (found) {
        token = found;
        history.replaceState(history.state, '', '/link');
    }
    return token;
}

function LinkForm({ invitation, text }: { invitation: Invitation; text: string }) {
    const [email, setEmail] = useState(invitation.email ?? '');
    const [name, setName] = useState('');
    const [password, setPassword] = useState('');
    const [code, setCode] = useState('');
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const field = (n: string) => (error instanceof ApiError ? error.field(n) : undefined);
    const known = invitation.hasPassword;
    const submit = async (event: Event) => {
        event.preventDefault();
        setBusy(true);
        setError(null);
        try {
            const made = await api.post<Session>(
                `/console/link/${encodeURIComponent(text)}`,
                {
                    password,
                    ...(invitation.kind === 'first' ? { email } : {}),
                    ...(name ? { name } : {}),
                    ...(invitation.totp ? { code } : {}),
                },
                { quiet: true },
            );
            token = null;
            signedIn(made);
            go('/', { replace: true, force: true });
        } catch (e) {
            setError(e);
            setBusy(false);
        }
    };
    const told = field('password') || field('email') || field('name') || field('code');
    return (
        <form class="stack" onSubmit={(e) => void submit(e)}>
            <h1>{titles[invitation.kind]}</h1>
            {invitation.kind === 'first' ? (
                <TextField label="E-mail" type="email" autocomplete="username" value={email} onInput={setEmail} error={field('email')} required autofocus />
            ) : (
                <p>
                    For <strong>{invitation.email}</strong>
                </p>
            )}
            {invitation.kind !== 'reset' && !known && <TextField label="Your name" optional autocomplete="name" value={name} onInput={setName} error={field('name')} />}
            <TextField
                label={known ? 'Your password' : 'New password'}
                type="password"
                autocomplete={known ? 'current-password' : 'new-password'}
                value={password}
                onInput={setPassword}
                error={field('password')}
                hint={known ? 'You have an account here already.' : 'A few words in a row are easy to remember and hard to guess.'}
                required
            />
            {invitation.totp && <TextField label="Code" inputMode="numeric" autocomplete="one-time-code" value={code} onInput={setCode} error={field('code')} hint="Of your authenticator app." required />}
            {error !== null && !told && (
                <p class="field-error" role="alert">
                    {errorText(error)}
                </p>
            )}
            <Button kind="primary" type="submit" busy={busy}>
                {actions[invitation.kind]}
            </Button>
        </form>
    );
}

export function LinkPage() {
    const [text] = useState(takeToken);
    const [invitation, setInvitation] = useState<Invitation | null>(null);
    const [error, setError] = useState<unknown>(text ? null : new ApiError(404, 'not_found', 'This link has been used, or is over: ask for a new one.'));
    useEffect(() => {
        document.title = 'Postrider';
        if (text) api.get<Invitation>(`/console/link/${encodeURIComponent(text)}`, {}, { quiet: true }).then(setInvitation, setError);
    }, [text]);
    return (
        <Alone>
            <main class="card">
                <div class="card-body stack">
                    {invitation && text && <LinkForm invitation={invitation} text={text} />}
                    {!invitation && error === null && <Skeleton rows={3} />}
                    {error !== null && !invitation && (
                        <>
                            <h1>This link does not work</h1>
                            <ErrorNote error={error} />
                            <LinkButton to="/login">Sign in</LinkButton>
                        </>
                    )}
                </div>
            </main>
        </Alone>
    );
}
