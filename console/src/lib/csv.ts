// SPDX-License-Identifier: Apache-2.0
// Comma-separated values as the server reads them (RFC 4180): for previews, and for what is exported.

const separators = [',', ';', '\t', '|'];

// The most frequent one in the first line, outside of quotes.
export function separatorOf(text: string): string {
    const counts = new Map(separators.map((s) => [s, 0]));
    let quoted = false;
    for (const c of text) {
        if (!quoted && (c === '\n' || c === '\r')) break;
        if (c === '"') quoted = !quoted;
        else if (!quoted && counts.has(c)) counts.set(c, counts.get(c)! + 1);
    }
    return separators.reduce((best, s) => (counts.get(s)! > counts.get(best)! ? s : best), ',');
}

// The first rows that are not empty. `whole`: the text ends where the file does; else its last row is left out.
export function readCsv(text: string, separator: string, max: number, whole: boolean): string[][] {
    const rows: string[][] = [];
    let i = 0;
    while (rows.length < max && i < text.length) {
        if (text[i] === '\n' || text[i] === '\r') {
            i++;
            continue;
        }
        const row: string[] = [];
        for (;;) {
            let cell = '';
            if (text[i] === '"') {
                for (i++; i < text.length && !(text[i] === '"' && text[i + 1] !== '"'); i++) {
                    cell += text[i];
                    if (text[i] === '"') i++;
                }
                i++;
            } else {
                const from = i;
                while (i < text.length && text[i] !== separator && text[i] !== '\n' && text[i] !== '\r') i++;
                cell = text.slice(from, i);
            }
            row.push(cell);
            if (text[i] !== separator) break;
            i++;
        }
        // What follows a closing quote is the server's to refuse.
        while (i < text.length && text[i] !== '\n' && text[i] !== '\r') i++;
        if (i < text.length || whole) rows.push(row);
    }
    return rows;
}

// A cell. What a spreadsheet would take for a formula gets a quote before it, as it does there.
export function csvCell(text: string): string {
    const formula = /^[=@\t\r]/.test(text) || (/^[+-]/.test(text) && !/^[+-][\d\s().,/-]*$/.test(text));
    const safe = formula ? `'${text}` : text;
    return /[",;\t|\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}
