// SPDX-License-Identifier: Apache-2.0
// The signing secret: covered, shown on demand, exchanged; and the code that checks what it signs.
import { useState } from 'preact/hooks';
import { api } from '../lib/api';
import type { Endpoint, Profile } from '../lib/types';
import { languages, verifyCode, type Language } from '../lib/verify';
import { Button, Card, Choices, Code, CopyButton, ErrorNote, SelectField } from '../ui/basic';
import { Confirm, Dialog } from '../ui/dialog';
import { toast } from '../ui/toast';
import { useWorkspace } from '../workspace';

const graces = [
    { value: '0', text: 'At once' },
    { value: '3600', text: 'For an hour' },
    { value: '86400', text: 'For a day' },
    { value: '604800', text: 'For a week' },
];

function RotateDialog({ where, overlaps, onClose, onDone }: { where: string; overlaps: boolean; onClose: () => void; onDone: () => void }) {
    const [grace, setGrace] = useState(overlaps ? '86400' : '0');
    return (
        <Confirm
            title="Rotate the signing secret?"
            action="Rotate"
            onClose={onClose}
            onConfirm={async () => {
                await api.post(`${where}/secret/rotate`, { gracePeriodSeconds: Number(grace) });
                toast.done('There is a new signing secret. Reveal it and give it to your receiver.');
                onDone();
            }}
        >
            <p>A new secret is made. Your receiver must know it to verify what comes.</p>
            <SelectField label={overlaps ? 'The old secret stays valid' : 'The new secret begins to sign'} value={grace} onChange={setGrace} options={overlaps ? graces : graces.map((g) => ({ ...g, text: g.value === '0' ? 'At once' : g.text.replace('For', 'After') }))} />
            <p class="muted">
                {overlaps
                    ? 'Until then every request carries two signatures, one of each secret.'
                    : 'This profile has room for one signature only: requests are signed with the old secret until that time, with the new one from then on. Let your receiver accept both.'}
            </p>
        </Confirm>
    );
}

export function SecretCard({ endpoint, profile }: { endpoint: Endpoint; profile: Profile | undefined }) {
    const { path, rights } = useWorkspace();
    const where = `${path}/endpoint/${endpoint.id}`;
    const [secret, setSecret] = useState<string | null>(null);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const [dialog, setDialog] = useState<'rotate' | 'code' | null>(null);
    const overlaps = Boolean((profile as { signatureSeparator?: string } | undefined)?.signatureSeparator);
    const reveal = async () => {
        setBusy(true);
        setError(null);
        try {
            setSecret((await api.get<{ key: string }>(`${where}/secret`)).key);
        } catch (e) {
            setError(e);
        }
        setBusy(false);
    };
    return (
        <Card title="Signing Secret">
            <div class="stack">
                <div class="secret">
                    <code aria-label="Signing secret">{secret ?? '•'.repeat(16)}</code>
                    {rights.reveal &&
                        (secret === null ? (
                            <Button small icon="eye" busy={busy} onClick={() => void reveal()}>
                                Reveal
                            </Button>
                        ) : (
                            <>
                                <CopyButton text={secret} />
                                <Button small onClick={() => setSecret(null)}>
                                    Hide
                                </Button>
                            </>
                        ))}
                </div>
                {error !== null && <ErrorNote error={error} />}
                <p class="hint">With it your receiver can tell that a request is from us and was not changed on its way.</p>
                <div class="row">
                    <Button small icon="code" onClick={() => setDialog('code')} disabled={!profile}>
                        How to verify
                    </Button>
                    {rights.rotate && (
                        <Button small icon="replay" onClick={() => setDialog('rotate')} disabled={!profile}>
                            Rotate
                        </Button>
                    )}
                </div>
            </div>
            {dialog === 'rotate' && (
                <RotateDialog
                    where={where}
                    overlaps={overlaps}
                    onClose={() => setDialog(null)}
                    onDone={() => {
                        setDialog(null);
                        setSecret(null);
                    }}
                />
            )}
            {dialog === 'code' && profile && <VerifyDialog profile={profile} onClose={() => setDialog(null)} />}
        </Card>
    );
}

function VerifyDialog({ profile, onClose }: { profile: Profile; onClose: () => void }) {
    const [language, setLanguage] = useState<Language>('Node');
    const code = verifyCode(profile, language);
    return (
        <Dialog title="Verify a request" onClose={onClose} wide>
            <div class="dialog-body">
                <p>Compare the signature with one that you compute from the raw body. Parse the body only afterwards, and compare in constant time.</p>
                <Choices label="Language" value={language} onChange={setLanguage} options={languages.map((l) => ({ value: l, text: l }))} />
                {code !== null ? (
                    <Code text={code} label={`Verification in ${language}`} wrap={false} />
                ) : (
                    <>
                        <p>This profile signs in its own way: {profile.algorithm} over this text, encoded as {profile.encoding}.</p>
                        <Code text={profile.signedString ?? ''} label="Signed string" />
                        <Code text={Object.entries(profile.headers ?? {}).map(([n, v]) => `${n}: ${v}`).join('\n')} label="Headers" />
                    </>
                )}
            </div>
        </Dialog>
    );
}
