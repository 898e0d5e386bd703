// SPDX-License-Identifier: Apache-2.0
// Work that goes on by itself: its progress, and a way to stop it.
import { useEffect, useState } from 'preact/hooks';
import { api, ApiError } from '../lib/api';
import { count } from '../lib/format';
import type { Task } from '../lib/types';
import { Badge, Button, ErrorNote } from '../ui/basic';
import { useWorkspace } from '../workspace';

const POLL_MS = 700;

// What of its numbers says something: how many were looked at, how many were sent.
function numbersOf(task: Task): string {
    const words: Record<string, string> = { processed: 'looked at', skipped: 'left out' };
    return Object.entries(task.data ?? {})
        .filter((e): e is [string, number] => typeof e[1] === 'number' && e[0] !== 'percent')
        .map(([name, n]) => (words[name] ? `${count(n)} ${words[name]}` : `${count(n)} sent again`))
        .join(', ');
}

// Who may not look at tasks is told only that the work has begun.
export function TaskProgress({ task: first, name, onEnd }: { task: Task; name?: string; onEnd?: () => void }) {
    const { rights } = useWorkspace();
    const [task, setTask] = useState(first);
    const [error, setError] = useState<unknown>(null);
    const [hidden, setHidden] = useState(false);
    const [stopping, setStopping] = useState(false);
    const running = task.status === 'running' && !hidden;
    useEffect(() => {
        if (!running) {
            onEnd?.();
            return undefined;
        }
        let over = false;
        let timer: number;
        const look = () =>
            api.get<Task>(`/background-task/${task.id}`).then(
                (t) => {
                    if (over) return;
                    setTask(t);
                    setError(null);
                    timer = window.setTimeout(look, POLL_MS);
                },
                (e) => {
                    if (over) return;
                    if (e instanceof ApiError && (e.status === 403 || e.status === 404)) return setHidden(true);
                    setError(e);
                    timer = window.setTimeout(look, 4 * POLL_MS);
                },
            );
        timer = window.setTimeout(look, 150);
        return () => {
            over = true;
            clearTimeout(timer);
        };
    }, [running]);
    const cancel = () => {
        setStopping(true);
        api.post<Task>(`/background-task/${task.id}/cancel`).then(
            (t) => t && setTask(t),
            (e) => {
                setError(e);
                setStopping(false);
            },
        );
    };
    const stopped = task.data?.canceled === true;
    const percent = typeof task.data?.percent === 'number' ? task.data.percent : null;
    const label = hidden ? 'Begun' : stopped ? 'Cancelled' : task.status === 'finished' ? 'Done' : task.status === 'failed' ? 'Failed' : 'Running';
    return (
        <div class="task">
            <div class="row" role="status">
                <Badge tone={label === 'Done' ? 'good' : label === 'Failed' ? 'bad' : 'plain'}>{label}</Badge>
                {name && <strong>{name}</strong>}
                <span class="muted grow">{hidden ? 'The new attempts appear in the list as they are made.' : numbersOf(task)}</span>
            </div>
            {running && (
                <div class="row">
                    <progress class="grow" aria-label={`Progress${name ? ` of ${name}` : ''}`} {...(percent === null ? {} : { max: 100, value: percent })} />
                    {rights.replay && (
                        <Button small busy={stopping} onClick={cancel}>
                            Cancel task
                        </Button>
                    )}
                </div>
            )}
            {typeof task.data?.error === 'string' && <p class="field-error">{task.data.error}</p>}
            {error !== null && <ErrorNote error={error} />}
        </div>
    );
}
