// SPDX-License-Identifier: Apache-2.0
// Waiting: for a time, until a time, for an event.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { condOf } from '../lib/conditions';
import type { Node } from '../lib/steps';
import { Button, Choices, Field, Folded, TextField } from '../ui/basic';
import { ConditionEditor } from './builder_condition';
import { setText, Text, type StepFormProps } from './builder_forms';
import { useBuilder } from './builder_state';

type Way = 'for' | 'until' | 'event';

const units: { value: string; text: string }[] = [
    { value: 's', text: 'seconds' },
    { value: 'm', text: 'minutes' },
    { value: 'h', text: 'hours' },
    { value: 'd', text: 'days' },
];

// "90s" as a number and a unit; anything else, expressions too, as it is written.
function Duration({ label, name, n, change, problem, optional }: StepFormProps & { label: string; name: string; optional?: boolean }) {
    const text = n.texts[name] ?? '';
    const parts = /^(\d*)([smhd])$/.exec(text === '' ? 'd' : text);
    const box = useRef<HTMLDivElement>(null);
    const written = useRef(false); // in the field itself
    // What is being typed may need the other form: its field goes on where this one ended.
    useLayoutEffect(() => {
        const input = box.current?.querySelector('input');
        if (written.current && input && document.activeElement !== input) {
            input.focus();
            input.setSelectionRange(input.value.length, input.value.length);
        }
        written.current = false;
    }, [parts === null]);
    const typed = (part: Partial<Node>) => {
        written.current = true;
        change(part);
    };
    if (!parts)
        return (
            <div ref={box}>
                <Text n={n} change={typed} problem={problem} name={name} label={label} optional={optional ?? false} hint="Such as 90s, 15m, 2h, 3d." />
            </div>
        );
    const write = (count: string, unit: string) => change(setText(n, name, count === '' && optional ? '' : `${count}${unit}`));
    return (
        <div class="pair narrow" ref={box}>
            <TextField label={label} optional={optional ?? false} inputMode="numeric" value={parts[1]!} onInput={(to) => (/^\d*$/.test(to) ? write(to, parts[2]!) : typed(setText(n, name, to)))} error={problem(name)} />
            <Field label={`${label}: unit`}>
                {(ids) => (
                    <select {...ids} value={parts[2]} onChange={(e) => write(parts[1]!, e.currentTarget.value)}>
                        {units.map((u) => (
                            <option key={u.value} value={u.value}>
                                {u.text}
                            </option>
                        ))}
                    </select>
                )}
            </Field>
        </div>
    );
}

function EventWait(props: StepFormProps) {
    const { n, change, problem } = props;
    const { eventTypes } = useBuilder();
    const first = n.where ?? null;
    const [empty] = useState(() => condOf(undefined)); // the same one each time: its fields keep the focus
    return (
        <>
            <Field label="Event types" error={problem('event')} hint="The first of these that comes ends the wait.">
                {(ids) => (
                    <div class="stack tight">
                        <ul class="chips">
                            {n.events.map((e) => (
                                <li key={e} class="chip">
                                    {e}
                                    {n.events.length > 1 && <Button kind="quiet" small icon="close" label={`Remove ${e}`} onClick={() => change({ events: n.events.filter((o) => o !== e) })} />}
                                </li>
                            ))}
                        </ul>
                        <select {...ids} value="" onChange={(e) => e.currentTarget.value && change({ events: [...n.events, e.currentTarget.value] })}>
                            <option value="">Add an event type…</option>
                            {eventTypes
                                .filter((e) => !n.events.includes(e))
                                .map((e) => (
                                    <option key={e} value={e}>
                                        {e}
                                    </option>
                                ))}
                        </select>
                    </div>
                )}
            </Field>
            <Duration {...props} label="At most" name="timeout" optional />
            <Folded summary="Only such events…" open={first !== null}>
                <p class="hint">The event’s data is {'{{ event.body }}'}: for example {'{{ event.body.email }}'} is {'{{ contact.email }}'}.</p>
                <ConditionEditor cond={first ?? empty} place="where" onChange={(where) => change({ where })} problem={problem('where')} />
            </Folded>
        </>
    );
}

export function WaitForm(props: StepFormProps) {
    const { n, change, problem } = props;
    const { eventTypes } = useBuilder();
    const way: Way = n.events.length > 0 ? 'event' : n.texts.until !== undefined ? 'until' : 'for';
    const choose = (to: Way) => {
        const texts: Node['texts'] = to === 'for' ? { for: '1d' } : to === 'until' ? { until: '' } : { timeout: '7d' };
        change({ texts, events: to === 'event' ? [eventTypes[0] ?? 'event'] : [], where: null });
    };
    return (
        <>
            <div>
                <Choices
                    label="What it waits for"
                    value={way}
                    onChange={choose}
                    options={[
                        { value: 'for', text: 'For a time' },
                        { value: 'until', text: 'Until a time' },
                        { value: 'event', text: 'For an event' },
                    ]}
                />
            </div>
            {way === 'for' && <Duration {...props} label="Wait for" name="for" />}
            {way === 'until' && <Text {...props} name="until" label="Wait until" placeholder="{{ trigger.body.appointment | subtract_time: '1d' }}" hint="A time such as 2026-01-31T09:00:00Z, or a variable that holds one. One that has passed is no wait." />}
            {way === 'event' && <EventWait {...props} />}
            {problem('') && <p class="field-error">{problem('')}</p>}
        </>
    );
}
