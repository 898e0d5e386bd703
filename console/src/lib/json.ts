// SPDX-License-Identifier: Apache-2.0
// JSON that was read without losing digits: a number that would lose some becomes an expression that has it, which is the same
// wherever a text may hold one.
export function exactNumbers(text: string): string {
    return text.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) => (token[0] !== '"' && token.replace(/\D/g, '').length > DIGITS_KEPT ? `"{{ ${token} }}"` : token));
}
const DIGITS_KEPT = 15;

export type JsonValue = string | number | boolean | null | JsonValue[] | { [name: string]: JsonValue };
