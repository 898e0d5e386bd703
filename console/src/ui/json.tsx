// SPDX-License-Identifier: Apache-2.0
// Data to read: indented, or as it is. It is a stranger's: everything is text.
import { useMemo, useState } from 'preact/hooks';
import { Choices, Code } from './basic';

export function pretty(text: string): string | null {
    try {
        const parsed: unknown = JSON.parse(text);
        return typeof parsed === 'object' && parsed !== null ? indent(text) : null;
    } catch {
        return null;
    }
}

// New lines and indents without touching numbers and strings, which parsing would change (1.10, long integers, \u escapes).
function indent(text: string): string {
    let out = '';
    let depth = 0;
    for (let i = 0; i < text.length; i++) {
        const c = text[i]!;
        if (c === '"') {
            const start = i;
            for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
            out += text.slice(start, i + 1);
        } else if (c === '{' || c === '[') {
            const close = /^\s*[}\]]/.exec(text.slice(i + 1, i + 200));
            if (close) {
                out += c + close[0].trim();
                i += close[0].length;
            } else {
                out += `${c}\n${'  '.repeat(++depth)}`;
            }
        } else if (c === '}' || c === ']') {
            out += `\n${'  '.repeat(--depth)}${c}`;
        } else if (c === ',') {
            out += `,\n${'  '.repeat(depth)}`;
        } else if (c === ':') {
            out += ': ';
        } else if (!/\s/.test(c)) {
            out += c;
        }
    }
    return out;
}

export function Data({ text, label }: { text: string; label: string }) {
    const readable = useMemo(() => pretty(text), [text]);
    const [view, setView] = useState<'readable' | 'raw'>('readable');
    if (readable === null) return <Code text={text} label={label} />;
    return (
        <div>
            <div class="tabs-row">
                <Choices
                    label={`${label}: view`}
                    value={view}
                    onChange={setView}
                    options={[
                        { value: 'readable', text: 'Readable' },
                        { value: 'raw', text: 'Raw' },
                    ]}
                />
            </div>
            <Code text={view === 'readable' ? readable : text} label={label} />
        </div>
    );
}
