// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';

export default [
    { op: 'v1.health.get', run: ({ svix }) => svix.health.get() },
    { op: 'v1.health.ping', run: ({ http }) => http('GET', '/health/ping', undefined, { token: null }) },
    {
        op: 'v1.background-task.list',
        async run({ svix, app, endpoint }) {
            const a = await app();
            const task = await svix.endpoint.recover(a.id, (await endpoint(a)).id, { since: new Date(Date.now() - 60_000) });
            assert.ok((await svix.backgroundTask.list()).data.some((x) => x.id === task.id));
        },
    },
    {
        op: 'v1.background-task.get',
        async run({ svix, app, endpoint, until }) {
            const a = await app();
            const task = await svix.endpoint.recover(a.id, (await endpoint(a)).id, { since: new Date(Date.now() - 60_000) });
            await until('the task is done', async () => (await svix.backgroundTask.get(task.id)).status === 'finished');
        },
    },
];
