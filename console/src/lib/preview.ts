// SPDX-License-Identifier: Apache-2.0
// What the texts of a step become with the sample: asked of the server, which has the only evaluator of expressions.
import { useEffect, useState } from 'preact/hooks';
import { api, isAbort } from './api';
import { itemsWith } from './jsontext';
import type { Sample } from './sample';
import { type Node, stepOf } from './steps';
import type { Preview } from '../ui/template';

const PAUSE_MS = 300; // while somebody types
const TEXTS_MAX = 100; // that the server takes

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
    const asked = texts.filter((t) => t.text.includes('{{')).slice(0, TEXTS_MAX);
    const which = sample?.requests.find((r) => r.selected)?.id ?? '';
    const body = on && asked.length > 0 && sample ? JSON.stringify({ ...tryBody(sample), steps: stepsBefore(earlier), texts: asked.map(({ text, as }) => ({ text, as })) }) : null;
    const places = asked.map((t) => t.path).join('\n');
    useEffect(() => {
        if (body === null) {
            setPreviews({});
            return undefined;
        }
        const abort = new AbortController();
        const timer = setTimeout(() => {
            api.sendText('POST', `${where}/preview`, body, { signal: abort.signal, quiet: true }).then(
                (answer) => {
                    const data = itemsWith<Omit<Preview, 'as' | 'exact'>>(answer, 'data', 'value');
                    setPreviews(Object.fromEntries(asked.map((t, i) => [t.path, { ...data[i]!, as: t.as }])));
                },
                (e) => isAbort(e) || setPreviews({}),
            );
        }, PAUSE_MS);
        return () => {
            clearTimeout(timer);
            abort.abort();
        };
    }, [where, body, which, places]);
    return previews;
}

