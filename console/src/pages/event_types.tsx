// SPDX-License-Identifier: Apache-2.0
// Choosing events: all of them, or any of the known types, grouped by the object they are about.
import { useMemo, useState } from 'preact/hooks';
import type { EventType } from '../lib/types';
import { Button, Check, Search } from '../ui/basic';

export function groupOf(name: string): string {
    const at = name.indexOf('.');
    return at < 0 ? 'other' : name.slice(0, at);
}

export function grouped(types: EventType[]): [string, EventType[]][] {
    const groups = new Map<string, EventType[]>();
    for (const t of types) {
        const list = groups.get(groupOf(t.name)) ?? [];
        list.push(t);
        groups.set(groupOf(t.name), list);
    }
    return [...groups];
}

interface Props {
    types: EventType[];
    chosen: string[] | null; // null: all events, those that come later too
    onChange: (chosen: string[] | null) => void;
    error?: string | null;
}

export function EventTypePicker({ types, chosen, onChange, error }: Props) {
    const [search, setSearch] = useState('');
    const set = useMemo(() => new Set(chosen ?? []), [chosen]);
    // What an endpoint has, but the catalogue does not list (any more), stays visible.
    const known = useMemo(() => {
        const names = new Set(types.map((t) => t.name));
        const lost = (chosen ?? []).filter((n) => !names.has(n)).map((name) => ({ name, description: 'No longer in the catalogue' }));
        return [...types, ...lost];
    }, [types, chosen]);
    const shown = known.filter((t) => `${t.name} ${t.description}`.toLowerCase().includes(search.trim().toLowerCase()));
    const toggle = (names: string[], on: boolean) => {
        const next = new Set(set);
        for (const n of names) on ? next.add(n) : next.delete(n);
        onChange(known.filter((t) => next.has(t.name)).map((t) => t.name));
    };
    return (
        <div class="field" role="group" aria-label="Event Types">
            <span class="field-label">Event Types</span>
            <div class="type-picker">
                <div class="type-picker-head">
                    <Check label="All Events" checked={chosen === null} onChange={(on) => onChange(on ? null : [])} />
                    <Search label="Search event types" value={search} onInput={setSearch} />
                </div>
                <div class="type-groups">
                    {grouped(shown).map(([group, list]) => {
                        const names = list.map((t) => t.name);
                        const full = names.every((n) => set.has(n));
                        return (
                            <fieldset class="type-group" key={group}>
                                <legend>
                                    {group}
                                    {list.length > 1 && chosen !== null && (
                                        <Button kind="quiet" small label={`${full ? 'Clear' : 'Choose'} every ${group} type`} onClick={() => toggle(names, !full)}>
                                            {full ? 'None' : 'Every one'}
                                        </Button>
                                    )}
                                </legend>
                                <div class="types">
                                    {list.map((t) => (
                                        <Check key={t.name} label={<span class="mono">{t.name}</span>} checked={set.has(t.name)} hint={t.description} onChange={(on) => (chosen === null ? onChange([t.name]) : toggle([t.name], on))} />
                                    ))}
                                </div>
                            </fieldset>
                        );
                    })}
                    {shown.length === 0 && <p class="muted">{types.length === 0 ? 'This workspace has no event types yet.' : 'No event type fits the search.'}</p>}
                </div>
            </div>
            {error && <p class="field-error">{error}</p>}
            <p class="hint">{chosen === null ? 'Every event, also of types that are added later. Choose one below to narrow it down.' : `${chosen.length} chosen.`}</p>
        </div>
    );
}
