// SPDX-License-Identifier: Apache-2.0
// Runs as rows: of an automation, and those that are about a record.
import { useNow } from '../lib/load';
import { go, Link } from '../lib/router';
import { failureWords, recordName, type Run, stateStatus, tookMs, tookWords, waitWords } from '../lib/runs';
import { Badge, Time } from '../ui/basic';
import { useWorkspace } from '../workspace';

export function RunState({ run }: { run: Run }) {
    const now = useNow(5000);
    const status = stateStatus(run.status);
    const detail = run.waitingFor ? waitWords(run.waitingFor, now) : run.status === 'failed' ? `at ${run.step ?? 'its beginning'}: ${failureWords(run)}` : run.status === 'running' && run.step ? `at ${run.step}` : run.status === 'cancelled' ? run.error : null;
    return (
        <span class="status">
            <Badge tone={status.tone}>{status.label}</Badge>
            {detail && <span class="muted small-text">{detail}</span>}
        </span>
    );
}

export function RecordLink({ record }: { record: Run['record'] }) {
    const { base } = useWorkspace();
    if (!record) return <span class="muted">–</span>;
    return <Link to={`${base}/records/${encodeURIComponent(record.type)}/${record.id}`}>{recordName(record)}</Link>;
}

function Took({ run }: { run: Run }) {
    const now = useNow(1000);
    return <span class="nowrap">{tookWords(tookMs(run, now))}</span>;
}

// of: what the rows need not say, since the page does.
export function RunsTable({ runs, of }: { runs: Run[]; of: 'automation' | 'record' }) {
    const { base } = useWorkspace();
    const about = runs.every((r) => !r.record || r.record.type === 'contact') ? 'Contact' : 'Record';
    return (
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{of === 'record' ? 'Automation' : 'Run'}</th>
                    <th scope="col">Status</th>
                    {of === 'automation' && <th scope="col">{about}</th>}
                    <th scope="col">Took</th>
                    {of === 'record' && <th scope="col">Started</th>}
                </tr>
            </thead>
            <tbody>
                {runs.map((r) => {
                    const to = `${base}/automations/${r.automationId}/runs/${r.id}`;
                    return (
                        <tr key={r.id} class="clickable" onClick={(e) => (e.target as Element).closest('a, button') || go(to)}>
                            <td class="run-cell">
                                <div class="main-cell">
                                    <Link to={to}>{of === 'record' ? (r.automationName ?? 'Automation') : <Time at={r.startedAt} />}</Link>
                                    <span class="muted small-text">
                                        {r.parent ? 'by an automation' : r.request ? 'by a request' : 'by what happened'} · version {r.version}
                                    </span>
                                </div>
                            </td>
                            <td data-label="Status">
                                <RunState run={r} />
                            </td>
                            {of === 'automation' && (
                                <td data-label={about} class="record-cell">
                                    <RecordLink record={r.record} />
                                </td>
                            )}
                            <td data-label="Took">
                                <Took run={r} />
                            </td>
                            {of === 'record' && (
                                <td data-label="Started">
                                    <Time at={r.startedAt} />
                                </td>
                            )}
                        </tr>
                    );
                })}
            </tbody>
        </table>
    );
}
