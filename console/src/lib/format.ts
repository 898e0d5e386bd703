// SPDX-License-Identifier: Apache-2.0
// Times, durations and sizes as people say them.
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const number = new Intl.NumberFormat();

export function when(iso: string): string {
    return exact.format(new Date(iso));
}

export function dayOf(iso: string | number): string {
    return day.format(new Date(iso));
}

const units: [number, string][] = [
    [86400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
];

// "3 d 4 h", "2 min", "5 s"
export function duration(seconds: number, parts = 2): string {
    if (seconds > 0 && seconds < 1) return `${Math.round(seconds * 1000)} ms`;
    // What is left out is rounded, not dropped: 2 d 23 h 59 min is 3 d.
    const grain = parts > 2 || seconds < 3600 ? 1 : seconds < 86_400 ? 60 : 3600;
    let rest = Math.round(seconds / grain) * grain;
    const out: string[] = [];
    for (const [size, name] of units) {
        const n = Math.floor(rest / size);
        if (n > 0 && out.length < parts) out.push(`${n} ${name}`);
        else if (out.length > 0) break;
        rest -= n * size;
    }
    return out.join(' ') || '0 s';
}

export function ago(iso: string, now = Date.now()): string {
    const seconds = (now - Date.parse(iso)) / 1000;
    if (Math.abs(seconds) < 5) return 'just now';
    return seconds > 0 ? `${duration(seconds, 1)} ago` : `in ${duration(-seconds, 1)}`;
}

export function milliseconds(ms: number): string {
    if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
    if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
    return `${Math.round(ms)} ms`;
}

export function microseconds(us: number): string {
    return us < 1000 ? '<1 ms' : milliseconds(us / 1000);
}

export function count(n: number): string {
    return number.format(n);
}

export function plural(n: number, one: string, many = `${one}s`): string {
    return `${count(n)} ${n === 1 ? one : many}`;
}

export function bytes(n: number): string {
    if (n < 1024) return `${n} B`;
    if (n < 1024 * 1024) return `${(n / 1024).toFixed(n < 10240 ? 1 : 0)} KB`;
    if (n < 1024 ** 3) return `${(n / 1024 ** 2).toFixed(1)} MB`;
    return `${(n / 1024 ** 3).toFixed(1)} GB`;
}

// "yyyy-mm-ddThh:mm" of a date field, in local time, to RFC 3339 and back.
export function toIso(local: string): string {
    const at = new Date(local);
    return Number.isNaN(at.getTime()) ? '' : at.toISOString();
}

export function toLocal(iso: string): string {
    const at = new Date(iso);
    if (Number.isNaN(at.getTime())) return '';
    const pad = (n: number) => String(n).padStart(2, '0');
    return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}`;
}
