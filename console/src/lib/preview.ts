// SPDX-License-Identifier: Apache-2.0
// What the texts of a step become with the sample: asked of the server, which has the only evaluator of expressions.
import { useEffect, useState } from 'preact/hooks';
import { api, isAbort } from './api';
import type { Sample } from './sample';
import { type Node, stepOf } from './steps';
import type { Preview } from '../ui/template';

const PAUSE_MS = 300; // while somebody types

function stepsBefore(earlier: Node[]): unknown[] {
    return earlier
        .filter((n) => n.type !== 'branch')
        .flatMap((n) => {
            try {
                return [stepOf(n)];
            } catch {
                return []; // JSON that is being written
            }
        });
}

export interface Asked {
    path: string;
    text: string;
    as: string;
}

export function tryBody(sample: Sample | undefined): Record<string, unknown> {
    return { ...(sample?.trigger ? { trigger: sample.trigger } : {}), ...(sample?.contact ? { target: sample.contact } : {}) };
}

export function usePreviews(where: string, sample: Sample | undefined, earlier: Node[], texts: Asked[], on: boolean): Record<string, Preview> {
    const [previews, setPreviews] = useState<Record<string, Preview>>({});
    const asked = texts.filter((t) => t.text.includes('{{'));
    const which = sample?.requests.find((r) => r.selected)?.id ?? '';
    const body = on && asked.length > 0 && sample ? JSON.stringify({ ...tryBody(sample), steps: stepsBefore(earlier), texts: asked.map(({ text, as }) => ({ text, as })) }) : null;
    useEffect(() => {
        if (body === null) {
            setPreviews({});
            return undefined;
        }
        const abort = new AbortController();
        const timer = setTimeout(() => {
            api.post<{ data: Preview[] }>(`${where}/preview`, JSON.parse(body) as unknown, { signal: abort.signal, quiet: true }).then(
                ({ data }) => setPreviews(Object.fromEntries(asked.map((t, i) => [t.path, data[i]!]))),
                (e) => isAbort(e) || setPreviews({}),
            );
        }, PAUSE_MS);
        return () => {
            clearTimeout(timer);
            abort.abort();
        };
    }, [where, body, which]);
    return previews;
}

