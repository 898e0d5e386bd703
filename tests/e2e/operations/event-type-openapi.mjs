// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';

export default [
    {
        op: 'v1.event-type.import-openapi',
        async run({ svix }) {
            const spec = { openapi: '3.1.0', webhooks: { 'imported.one': { post: { description: 'One' } } } };
            const dry = await svix.eventType.importOpenapi({ spec, dryRun: true });
            assert.deepEqual([dry.data.modified, dry.data.toModify.map((x) => x.name)], [[], ['imported.one']]);
            assert.deepEqual((await svix.eventType.importOpenapi({ spec })).data.modified, ['imported.one']);
            assert.equal((await svix.eventType.get('imported.one')).description, 'One');
            assert.deepEqual((await svix.eventType.importOpenapi({ specRaw: 'webhooks: {imported.two: {post: {}}}' })).data.modified, ['imported.two']);
        },
    },
    {
        op: 'v1.event-type.export-openapi',
        async run({ http, until }) {
            const started = await http('POST', '/event-type/export/openapi');
            assert.deepEqual([started.status, started.json.task], [202, 'sdk.generate']);
            await until('it is done', async () => (await http('GET', `/background-task/${started.json.id}`)).json.data.openapi !== undefined);
        },
    },
];
