// SPDX-License-Identifier: Apache-2.0
// How many incoming requests a workspace takes in a second, over all its Trigger URLs.
import { useState } from 'preact/hooks';
import { api, ApiError } from '../lib/api';
import { count } from '../lib/format';
import { useLoad } from '../lib/load';
import { Button, Card, ErrorNote, Skeleton, TextField } from '../ui/basic';
import { toast } from '../ui/toast';
import { useWorkspace } from '../workspace';

interface Settings {
    incomingRateLimit: number;
}

function Form({ where, now, onSaved }: { where: string; now: number; onSaved: (s: Settings) => void }) {
    const [text, setText] = useState(String(now));
    const [busy, setBusy] = useState(false);
    const [failure, setFailure] = useState<{ text: string; error: unknown } | null>(null); // of what was sent
    const save = async (limit: number | null) => {
        setBusy(true);
        setFailure(null);
        try {
            const saved = await api.patch<Settings>(where, { incomingRateLimit: limit });
            setText((typed) => (typed === text ? String(saved.incomingRateLimit) : typed));
            onSaved(saved);
            toast.done(`Up to ${count(saved.incomingRateLimit)} incoming requests per second are accepted.`);
        } catch (e) {
            setFailure({ text, error: e });
        }
        setBusy(false);
    };
    const error = failure?.text === text ? failure.error : null;
    const wrong = text.trim() !== '' && !/^\d+$/.test(text.trim()) ? 'Enter a whole number.' : error instanceof ApiError ? error.field('incomingRateLimit') : undefined;
    return (
        <form
            class="stack form"
            onSubmit={(e) => {
                e.preventDefault();
                void save(text.trim() === '' ? null : Number(text));
            }}
        >
            <TextField label="Requests per second" inputMode="numeric" value={text} onInput={setText} error={wrong} hint="From 1 to 1,000,000. Empty: as the operator of this server has set it." />
            {error !== null && !wrong && <ErrorNote error={error} />}
            <div>
                <Button type="submit" busy={busy} disabled={Boolean(wrong) || text.trim() === String(now)}>
                    Save
                </Button>
            </div>
        </form>
    );
}

export function IncomingLimit() {
    const { path, rights } = useWorkspace();
    const where = `${path}/settings`;
    const loaded = useLoad<Settings>(where, (signal) => api.get(where, {}, { signal }));
    return (
        <Card title="Incoming webhooks">
            <div class="stack">
                {loaded.error !== undefined && <ErrorNote error={loaded.error} retry={loaded.reload} />}
                {!loaded.data && loaded.loading && <Skeleton rows={rights.admin ? 5 : 1} />}
                {loaded.data && (
                    <p class="muted">
                        In any second up to {count(loaded.data.incomingRateLimit)} requests are accepted, over all Trigger URLs of this workspace. More are answered with 429 and <code>Retry-After</code>.
                    </p>
                )}
                {loaded.data && rights.admin && <Form where={where} now={loaded.data.incomingRateLimit} onSaved={loaded.set} />}
            </div>
        </Card>
    );
}
