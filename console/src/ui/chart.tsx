// SPDX-License-Identifier: Apache-2.0
// Deliveries over time as bars, and how long answers took as a line. Drawn by hand; a table says the same in words.
import { count, milliseconds, when } from '../lib/format';

export interface Bucket {
    start: string;
    success: number;
    fail: number;
    latencyMs: number | null; // median or mean, of those that were answered
}

const W = 640;
const H = 148;
const LEFT = 34;
const RIGHT = 44;
const TOP = 8;
const BOTTOM = 22;

// The next "round" number: 1, 2, 5, 10, 20, 50…
function ceiling(n: number): number {
    if (n <= 1) return 1;
    const power = 10 ** Math.floor(Math.log10(n));
    for (const step of [1, 2, 5, 10]) if (n <= step * power) return step * power;
    return 10 * power;
}

function shortTime(iso: string, spanMs: number): string {
    const at = new Date(iso);
    return spanMs > 2 * 86_400_000 ? at.toLocaleDateString(undefined, { month: 'short', day: 'numeric' }) : at.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', ...(spanMs < 600_000 ? { second: '2-digit' } : {}) });
}

// exact: the times are medians, else means.
export function DeliveryChart({ buckets, exact }: { buckets: Bucket[]; exact: boolean }) {
    const most = ceiling(Math.max(...buckets.map((b) => b.success + b.fail), 1));
    const slowest = ceiling(Math.max(...buckets.map((b) => b.latencyMs ?? 0), 1));
    const inner = W - LEFT - RIGHT;
    const step = inner / buckets.length;
    const wide = Math.max(Math.min(step * 0.7, 24), 1);
    const y = (n: number, max: number) => TOP + (H - TOP - BOTTOM) * (1 - n / max);
    const span = buckets.length > 1 ? Date.parse(buckets[buckets.length - 1]!.start) - Date.parse(buckets[0]!.start) : 0;
    let line = '';
    let pen = 'M';
    buckets.forEach((b, i) => {
        if (b.latencyMs === null) return void (pen = 'M');
        line += `${pen}${(LEFT + step * (i + 0.5)).toFixed(1)} ${y(b.latencyMs, slowest).toFixed(1)}`;
        pen = 'L';
    });
    const marks = [0, Math.floor(buckets.length / 2), buckets.length - 1];
    const total = buckets.reduce((sum, b) => sum + b.success + b.fail, 0);
    const failed = buckets.reduce((sum, b) => sum + b.fail, 0);
    return (
        <figure class="stack" aria-label="Deliveries over time">
            <svg class="chart" viewBox={`0 0 ${W} ${H}`} role="img" aria-label={`${count(total)} attempts, ${count(failed)} failed`}>
                <line class="axis" x1={LEFT} x2={W - RIGHT} y1={H - BOTTOM} y2={H - BOTTOM} />
                <line class="axis" x1={LEFT} x2={W - RIGHT} y1={TOP} y2={TOP} />
                <text x={LEFT - 6} y={TOP + 8} text-anchor="end">
                    {count(most)}
                </text>
                <text x={LEFT - 6} y={H - BOTTOM} text-anchor="end">
                    0
                </text>
                <text x={W - RIGHT + 6} y={TOP + 8}>
                    {milliseconds(slowest)}
                </text>
                {buckets.map((b, i) => {
                    const x = LEFT + step * i + (step - wide) / 2;
                    const good = y(b.success, most);
                    const bad = y(b.success + b.fail, most);
                    return (
                        <g key={b.start}>
                            {b.success > 0 && <rect class="bar-good" x={x} y={good} width={wide} height={H - BOTTOM - good} />}
                            {b.fail > 0 && <rect class="bar-bad" x={x} y={bad} width={wide} height={good - bad} />}
                        </g>
                    );
                })}
                <path class="line" d={line} />
                {buckets.map((b, i) => (
                    <rect class="hit" key={b.start} x={LEFT + step * i} y={TOP} width={step} height={H - TOP - BOTTOM}>
                        <title>{`${when(b.start)}: ${count(b.success)} sent, ${count(b.fail)} failed${b.latencyMs === null ? '' : `, ${milliseconds(b.latencyMs)}`}`}</title>
                    </rect>
                ))}
                {marks.map((i, n) => (
                    <text key={n} x={LEFT + step * (i + 0.5)} y={H - 4} text-anchor="middle">
                        {buckets[i] ? shortTime(buckets[i]!.start, span) : ''}
                    </text>
                ))}
            </svg>
            <figcaption class="legend">
                <span class="good">
                    <i />
                    Sent
                </span>
                <span class="bad">
                    <i />
                    Failed
                </span>
                <span class="accent">
                    <i />
                    {exact ? 'Median answer time' : 'Mean answer time'}
                </span>
            </figcaption>
        </figure>
    );
}

export interface Sample {
    at: string;
    ok: boolean;
    ms: number | null;
}

// Equal parts of the time from the first sample to now.
export function bucketsOf(samples: Sample[], parts = 30, now = Date.now()): Bucket[] {
    if (samples.length === 0) return [];
    const first = Math.min(...samples.map((s) => Date.parse(s.at)));
    const size = Math.max((now - first + 1) / parts, 1000);
    const begin = now - size * parts;
    const times: number[][] = Array.from({ length: parts }, () => []);
    const out: Bucket[] = times.map((_, i) => ({ start: new Date(begin + i * size).toISOString(), success: 0, fail: 0, latencyMs: null }));
    for (const s of samples) {
        const i = Math.min(Math.max(Math.floor((Date.parse(s.at) - begin) / size), 0), parts - 1);
        if (s.ok) out[i]!.success++;
        else out[i]!.fail++;
        if (s.ms !== null) times[i]!.push(s.ms);
    }
    times.forEach((list, i) => {
        list.sort((a, b) => a - b);
        if (list.length > 0) out[i]!.latencyMs = list[list.length >> 1]!;
    });
    return out;
}
