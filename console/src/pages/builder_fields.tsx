// SPDX-License-Identifier: Apache-2.0
// Objects whose values are texts, as rows; or as JSON.
import type { ComponentChildren } from 'preact';
import { useContext, useId, useMemo } from 'preact/hooks';
import { newKey } from '../lib/conditions';
import { stringsOf } from '../lib/json';
import { type Fields, fieldsOf, objectOf, type Row } from '../lib/steps';
import { Button, Choices } from '../ui/basic';
import { PreviewLine, SurroundingsContext, TemplateField } from '../ui/template';

type Mode = Fields['mode'];
const modeNames: Record<Mode, string> = { rows: 'Fields', json: 'JSON', text: 'Text' };

// What was written is kept where the other form can hold it.
function inMode(f: Fields, mode: Mode): Fields {
    if (f.mode === mode) return f;
    if (mode === 'rows') {
        try {
            const again = fieldsOf(f.mode === 'json' ? (JSON.parse(f.text || '{}') as never) : undefined);
            return again.mode === 'rows' ? again : f;
        } catch {
            return f;
        }
    }
    if (mode === 'json') return { mode, text: f.mode === 'rows' ? JSON.stringify(objectOf(f), null, 2) : '{\n}' };
    return { mode, text: f.mode === 'rows' ? '' : f.text };
}

interface Props {
    label: string;
    place: string;
    fields: Fields;
    onChange: (to: Fields) => void;
    names: { name: string; value: string; add: string }; // accessible names: "Field", "Value", "Add field"
    suggest?: string[]; // names
    modes?: Mode[];
    hint?: ComponentChildren;
    error?: string | undefined;
    optional?: boolean;
}

function RowsEditor({ place, rows, onChange, names, suggest }: Pick<Props, 'place' | 'names' | 'suggest'> & { rows: Row[]; onChange: (rows: Row[]) => void }) {
    const list = useId();
    const change = (key: number, part: Partial<Row>) => onChange(rows.map((r) => (r.key === key ? { ...r, ...part } : r)));
    return (
        <>
            {suggest && (
                <datalist id={list}>
                    {suggest.map((s) => (
                        <option key={s} value={s} />
                    ))}
                </datalist>
            )}
            {rows.map((r, i) => (
                <div class="field-row" key={r.key}>
                    <input type="text" class="mono" aria-label={`${names.name} ${i + 1}`} placeholder={names.name} value={r.name} list={suggest ? list : undefined} autocomplete="off" spellcheck={false} onInput={(e) => change(r.key, { name: e.currentTarget.value })} />
                    <TemplateField label={r.name.trim() ? `${names.value} of ${r.name.trim()}` : `${names.value} ${i + 1}`} hideLabel place={`${place}.${r.key}`} value={r.value} onInput={(value) => change(r.key, { value })} placeholder={names.value} />
                    <Button kind="quiet" icon="trash" label={`Remove ${r.name.trim() || `${names.name.toLowerCase()} ${i + 1}`}`} onClick={() => onChange(rows.filter((o) => o.key !== r.key))} />
                </div>
            ))}
            <div>
                <Button small icon="plus" onClick={() => onChange([...rows, { key: newKey(), name: '', value: '' }])}>
                    {names.add}
                </Button>
            </div>
        </>
    );
}

// What the strings of a JSON text become.
function JsonPreviews({ place, text }: { place: string; text: string }) {
    const { previews } = useContext(SurroundingsContext);
    const strings = useMemo(() => stringsOf(text), [text]);
    return (
        <>
            {strings.map((s) => (
                <PreviewLine key={s.path} of={s.path} preview={previews[`${place}.${s.path}`]} text={s.text} />
            ))}
        </>
    );
}

export function FieldsEditor({ label, place, fields, onChange, names, suggest, modes = ['rows', 'json'], hint, error, optional }: Props) {
    return (
        <div class="field" role="group" aria-label={label}>
            <div class="field-head">
                <span class="field-label">
                    {label}
                    {optional && <span class="muted"> (optional)</span>}
                </span>
                {modes.length > 1 && <Choices label={`${label}: form`} value={fields.mode} onChange={(mode) => onChange(inMode(fields, mode))} options={modes.map((m) => ({ value: m, text: modeNames[m] }))} />}
            </div>
            {fields.mode === 'rows' ? (
                <RowsEditor place={place} rows={fields.rows} onChange={(rows) => onChange({ mode: 'rows', rows })} names={names} {...(suggest ? { suggest } : {})} />
            ) : fields.mode === 'text' ? (
                <TemplateField label={`${label} as text`} hideLabel place={place} rows={5} mono value={fields.text} onInput={(text) => onChange({ mode: 'text', text })} />
            ) : (
                <>
                    <TemplateField label={`${label} as JSON`} hideLabel place={place} rows={8} mono value={fields.text} onInput={(text) => onChange({ mode: 'json', text })} json hint="Any text in it may hold {{ variables }}." />
                    <JsonPreviews place={place} text={fields.text} />
                </>
            )}
            {error && <p class="field-error">{error}</p>}
            {hint && <p class="hint">{hint}</p>}
        </div>
    );
}
