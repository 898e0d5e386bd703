// SPDX-License-Identifier: Apache-2.0
// JSON that stays text: parsing and writing it again would change numbers (1.10, long integers).

// Where a value of a JSON text that begins at `at` ends.
function valueEnd(text: string, at: number): number {
    let depth = 0;
    for (let i = at; i < text.length; i++) {
        const c = text[i]!;
        if (c === '"') {
            for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
            if (depth === 0) return i + 1;
        } else if (c === '{' || c === '[') {
            depth++;
        } else if (c === '}' || c === ']') {
            if (depth === 0) return i;
            if (--depth === 0) return i + 1;
        } else if (c === ',' && depth === 0) {
            return i;
        }
    }
    return text.length;
}

function skip(text: string, at: number): number {
    while (at < text.length && /[\s,]/.test(text[at]!)) at++;
    return at;
}

// Names and texts of the members of an object.
export function members(text: string): [string, string][] {
    const out: [string, string][] = [];
    for (let i = skip(text, text.indexOf('{') + 1); i > 0 && text[i] === '"'; i = skip(text, i)) {
        const nameEnd = valueEnd(text, i);
        const name = JSON.parse(text.slice(i, nameEnd)) as string;
        const from = skip(text, text.indexOf(':', nameEnd) + 1);
        i = valueEnd(text, from);
        out.push([name, text.slice(from, i).trimEnd()]);
    }
    return out;
}

// Texts of the items of a list.
export function itemTexts(text: string): string[] {
    const out: string[] = [];
    for (let i = skip(text, text.indexOf('[') + 1); i < text.length && text[i] !== ']'; i = skip(text, i)) {
        const from = i;
        i = valueEnd(text, from);
        out.push(text.slice(from, i).trimEnd());
    }
    return out;
}

// The text of a member of an object, as it stands there.
export function memberText(text: string, name: string): string | null {
    return members(text).find(([n]) => n === name)?.[1] ?? null;
}

// The items of a list that is a member, each with the text of one of its own members: a value digit by digit.
export function itemsWith<T>(text: string, list: string, member: string): (T & { exact: string })[] {
    return itemTexts(memberText(text, list) ?? '[]').map((item) => ({ ...(JSON.parse(item) as T), exact: compact(memberText(item, member) ?? 'null') }));
}

// Without the white space that is for reading.
export function compact(text: string): string {
    return text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (_, quoted?: string) => quoted ?? '');
}
