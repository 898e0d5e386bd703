// SPDX-License-Identifier: Apache-2.0
// JSON that was read without losing digits: a number that would lose some becomes an expression that has it, which is the same
// wherever a text may hold one.
export function exactNumbers(text: string): string {
    return text.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) => (token[0] !== '"' && token.replace(/\D/g, '').length > DIGITS_KEPT ? `"{{ ${token} }}"` : token));
}
const DIGITS_KEPT = 15;

// The strings with expressions in a JSON text, by their place in it. Of a text that is not finished: none.
export function stringsOf(text: string): { path: string; text: string }[] {
    const out: { path: string; text: string }[] = [];
    const visit = (v: JsonValue, path: string) => {
        if (typeof v === 'string') {
            if (v.includes('{{')) out.push({ path, text: v });
        } else if (v !== null && typeof v === 'object') {
            for (const [name, m] of Object.entries(v)) visit(m, path === '' ? name : `${path}.${name}`);
        }
    };
    try {
        visit(JSON.parse(text) as JsonValue, '');
    } catch {
        return [];
    }
    return out;
}

export type JsonValue = string | number | boolean | null | JsonValue[] | { [name: string]: JsonValue };
