// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { jwt } from '../lib/postrider.mjs';

const path = '/management/environment-settings';
let number = 0;

// Settings are an environment's: each row has one of its own.
function own(http) {
    const token = jwt({ sub: `org_2Settings${String(++number).padStart(18, '0')}` });
    return async (method, p, body) => {
        const a = await http(method, p, body, { token });
        assert.equal(a.status, 200, `${method} ${p}: ${a.status} ${a.text}`);
        return a.json;
    };
}

export default [
    {
        op: 'v1.management.environment-settings.get',
        async run({ http }) {
            const s = await own(http)('GET', path);
            assert.deepEqual(
                [s.disableEndpointOnFailure, s.showUseSvixPlay, s.readOnly, s.retryPolicy, s.advancedEndpointTypes, s.enforceHttps],
                [true, true, false, null, [], false],
            );
        },
    },
    {
        op: 'v1.management.environment-settings.update',
        async run({ http }) {
            const ask = own(http);
            const body = {
                retryPolicy: [1, 2.5],
                customColor: '#a0b1c2',
                displayName: 'Acme',
                colorPaletteDark: { primary: '#000', textPrimary: null },
                customThemeOverride: { borderRadius: { button: 'md' }, fontSize: { base: 14 } },
                advancedEndpointTypes: ['poller', 'sqs'],
                enableChannels: true,
                showUseSvixPlay: false,
            };
            const put = await ask('PUT', path, body);
            for (const [k, v] of Object.entries(body)) assert.deepEqual(put[k], v, k);
            assert.deepEqual(await ask('GET', path), put);
            const again = await ask('PUT', path, { displayName: 'B' });
            assert.deepEqual([again.displayName, again.customColor, again.showUseSvixPlay, again.enableChannels], ['B', null, true, false]);
        },
    },
    {
        op: 'v1.management.environment-settings.patch',
        async run({ http }) {
            const ask = own(http);
            await ask('PUT', path, { displayName: 'A', enableChannels: true });
            const s = await ask('PATCH', path, { customColor: 'teal', enableChannels: false });
            assert.deepEqual([s.displayName, s.customColor, s.enableChannels], ['A', 'teal', false]);
            for (const body of [
                { customColor: 'red;} body{display:none' },
                { colorPaletteLight: { primary: 'url(x)"' } },
                { customFontFamily: 'a"b' },
                { customLogoUrl: 'javascript:alert(1)' },
                { advancedEndpointTypes: ['fax'] },
                { customThemeOverride: { borderRadius: { card: 'huge' } } },
                { retryPolicy: [-1] },
                { endpointsPerAppLimit: 0 - 1 },
                { wipeSuccessfulPayload: true },
                { enableApplicationAlerts: true },
            ])
                assert.equal((await http('PATCH', path, body)).status, 422, JSON.stringify(body));
        },
    },
    {
        op: 'v1.environment.get-settings',
        async run({ http }) {
            const ask = own(http);
            await ask('PUT', path, { displayName: 'A', customLogoUrl: 'https://example.com/a.png', enableTransformations: true, retryPolicy: [1] });
            const s = await ask('GET', '/environment/settings');
            assert.deepEqual([s.displayName, s.logoUrl, s.customLogoUrl, s.enableTransformations, s.retryPolicy], ['A', 'https://example.com/a.png', 'https://example.com/a.png', true, undefined]);
        },
    },
    {
        op: 'v1.event-type.get-retry-schedule',
        async run({ http }) {
            await http('PUT', '/event-type/retry.get', { description: '' });
            assert.deepEqual((await http('GET', '/event-type/retry.get/retry-schedule')).json, { retrySchedule: null });
            assert.equal((await http('GET', '/event-type/retry.none/retry-schedule')).status, 404);
        },
    },
    {
        op: 'v1.event-type.set-retry-schedule',
        async run({ http }) {
            const at = '/event-type/retry.set/retry-schedule';
            await http('PUT', '/event-type/retry.set', { description: '' });
            const schedule = { retrySchedule: [{ secs: 5, nanos: 0 }, { secs: 0, nanos: 500_000_000 }] };
            assert.deepEqual((await http('PUT', at, schedule)).json, schedule);
            await http('PUT', '/event-type/retry.set', { description: 'changed' });
            assert.deepEqual((await http('GET', at)).json, schedule, 'a change of the type keeps it');
            assert.deepEqual((await http('PUT', at, { retrySchedule: [] })).json, { retrySchedule: [] });
            assert.deepEqual((await http('PUT', at, { retrySchedule: null })).json, { retrySchedule: null });
            for (const retrySchedule of ['5s', [{ secs: -1, nanos: 0 }], [{ nanos: 1 }], [{ secs: 1, nanos: 1e9 }], [{ secs: 1e8, nanos: 0 }], Array(65).fill({ secs: 1, nanos: 0 })])
                assert.equal((await http('PUT', at, { retrySchedule })).status, 422, JSON.stringify(retrySchedule));
        },
    },
];
