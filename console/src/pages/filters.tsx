// SPDX-License-Identifier: Apache-2.0
// What lists of events and attempts are narrowed down by; all of it lives in the address.
import { useMemo, useState } from 'preact/hooks';
import { toIso, toLocal } from '../lib/format';
import { setQuery, useQuery } from '../lib/router';
import type { EventType } from '../lib/types';
import { Button, Search } from '../ui/basic';

const spans = [
    { value: '', text: 'Any time' },
    { value: '1h', text: 'Last hour' },
    { value: '24h', text: 'Last 24 hours' },
    { value: '7d', text: 'Last 7 days' },
    { value: '30d', text: 'Last 30 days' },
    { value: 'custom', text: 'From … to …' },
];
const seconds: Record<string, number> = { '1h': 3600, '24h': 86_400, '7d': 604_800, '30d': 2_592_000 };

export interface TimeSpan {
    after: string | null;
    before: string | null;
}

// Counted back from when it was chosen: were it from now, another list would be asked for with each minute.
export function useTimeSpan(query: URLSearchParams): TimeSpan {
    const [span, after, before] = [query.get('time') ?? '', query.get('after'), query.get('before')];
    return useMemo(() => {
        if (seconds[span]) return { after: new Date(Math.floor(Date.now() / 60_000) * 60_000 - seconds[span]! * 1000).toISOString(), before: null };
        return span === 'custom' ? { after, before } : { after: null, before: null };
    }, [span, after, before]);
}

export function TimeFilter() {
    const query = useQuery();
    const span = query.get('time') ?? '';
    return (
        <>
            <select aria-label="Time" value={span} onChange={(e) => setQuery({ time: e.currentTarget.value, after: null, before: null })}>
                {spans.map((s) => (
                    <option key={s.value} value={s.value}>
                        {s.text}
                    </option>
                ))}
            </select>
            {span === 'custom' && (
                <>
                    <label class="inline">
                        From
                        <input type="datetime-local" value={toLocal(query.get('after') ?? '')} onChange={(e) => setQuery({ after: toIso(e.currentTarget.value) })} />
                    </label>
                    <label class="inline">
                        To
                        <input type="datetime-local" value={toLocal(query.get('before') ?? '')} onChange={(e) => setQuery({ before: toIso(e.currentTarget.value) })} />
                    </label>
                </>
            )}
        </>
    );
}

export function TypeFilter({ types }: { types: EventType[] | undefined }) {
    const chosen = useQuery().get('type') ?? '';
    const known = types?.some((t) => t.name === chosen) ?? false;
    return (
        <select aria-label="Event type" value={chosen} onChange={(e) => setQuery({ type: e.currentTarget.value })}>
            <option value="">All types</option>
            {chosen && !known && <option value={chosen}>{chosen}</option>}
            {(types ?? []).map((t) => (
                <option key={t.name} value={t.name}>
                    {t.name}
                </option>
            ))}
        </select>
    );
}

export function IdFilter({ label }: { label: string }) {
    return <TextFilter name="id" label={label} />;
}

// Enter searches, since a half typed id finds nothing.
export function TextFilter({ name, label }: { name: string; label: string }) {
    const there = useQuery().get(name) ?? '';
    const [text, setText] = useState(there);
    const [before, setBefore] = useState(there);
    // It was cleared, or searched for, elsewhere.
    if (before !== there) {
        setBefore(there);
        setText(there);
    }
    return (
        <form
            class="search-form"
            role="search"
            onSubmit={(e) => {
                e.preventDefault();
                setQuery({ [name]: text.trim() });
            }}
        >
            <Search
                label={label}
                value={text}
                onInput={(t) => {
                    setText(t);
                    if (t === '') setQuery({ [name]: null });
                }}
            />
        </form>
    );
}

export function ClearFilters({ names }: { names: string[] }) {
    const query = useQuery();
    if (!names.some((n) => query.get(n))) return null;
    return (
        <Button kind="quiet" small icon="close" onClick={() => setQuery(Object.fromEntries(names.map((n) => [n, null])))}>
            Clear filters
        </Button>
    );
}
