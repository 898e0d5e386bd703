// SPDX-License-Identifier: Apache-2.0
// The help document of Myra about outgoing webhooks, step by step, as a user of the console with an account.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { before } from 'node:test';
import { receiver } from '../e2e/lib/receiver.mjs';
import { openPage, setUp, signUp, step, test, whyNot } from './lib.mjs';

const types = ['contact.created', 'contact.updated', 'contact.deleted', 'deal.stage_changed', 'booking.confirmed', 'booking.cancelled', 'form.submitted', 'call.completed', 'esignature.signed'];

// As the document has it.
function verifyWebhook(payload, signature, secret) {
    const hmac = createHmac('sha256', secret);
    const digest = hmac.update(payload).digest('hex');
    return signature === digest;
}

let all;
before(async (t) => {
    all = await setUp(t, { settings: { EGRESS_ADDRESSES: '203.0.113.7,198.51.100.0/28' } });
    all.skip = await whyNot(all.p);
});

test('the help document of Myra works word by word', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Lovelace Coaching', profile: 'myra' });
    let failing = false;
    const r = await receiver(t, { answer: () => (failing ? { status: 500, body: 'out of order' } : 202) });
    const page = await openPage(browser, origin);
    let secret;

    await step('sign up by the first link, and find the workspace', async () => {
        await signUp(page, p);
        await page.getByRole('link', { name: 'Lovelace Coaching' }).click();
        await page.getByText('No endpoints yet').waitFor();
    });

    await step('Settings, Webhooks: a new endpoint for All Events with a custom header', async () => {
        await page.getByRole('link', { name: 'Settings', exact: true }).click();
        await page.getByRole('link', { name: 'Webhooks', exact: true }).click();
        await page.getByRole('link', { name: 'New Webhook Endpoint' }).click();
        for (const type of types) await page.getByRole('checkbox', { name: type, exact: true }).waitFor();
        // Checked at once, before anything is sent.
        await page.getByLabel('Endpoint URL').fill('not a url');
        await page.getByLabel('Name', { exact: true }).fill('Shop');
        await page.getByText('begins with https://').waitFor();
        await page.getByLabel('Endpoint URL').fill(r.url());
        await page.getByRole('checkbox', { name: 'All Events' }).check();
        await page.getByRole('button', { name: 'Add header' }).click();
        await page.getByLabel('Name of header 1').fill('Authorization');
        await page.getByLabel('Value of header 1').fill('Bearer YOUR_TOKEN');
        await page.getByLabel('Rate limit').fill('50');
        await page.getByRole('button', { name: 'Create Webhook Endpoint' }).click();
        await page.getByRole('heading', { name: 'Shop' }).waitFor();
        await page.getByText('12 retries over 1 d').waitFor();
        assert.doesNotMatch(await page.locator('body').innerText(), /YOUR_TOKEN/);
    });

    await step('a test event, with a look at the exact request before', async () => {
        await page.getByRole('button', { name: 'Send test event' }).click();
        const dialog = page.getByRole('dialog');
        await dialog.getByLabel('Event type').selectOption('contact.created');
        await dialog.getByLabel('Request body').getByText('"contact.created"').waitFor();
        await dialog.getByText('X-PulsePost-Signature').waitFor();
        await dialog.getByRole('button', { name: 'Send', exact: true }).click();
        await page.getByRole('heading', { name: 'contact.created' }).waitFor();
        await page.getByText('Sent 202').waitFor();
        const [got] = await r.arrived(1);
        const body = JSON.parse(got.body);
        assert.deepEqual(Object.keys(body), ['event_id', 'event_type', 'timestamp', 'data']);
        assert.equal(got.headers.authorization, 'Bearer YOUR_TOKEN');
    });

    await step('the secret verifies what came', async () => {
        await page.getByRole('link', { name: 'Shop' }).first().click();
        await page.getByRole('button', { name: 'Reveal' }).click();
        await page.getByRole('button', { name: 'Hide' }).waitFor();
        secret = await page.getByLabel('Signing secret', { exact: true }).innerText();
        assert.ok(verifyWebhook(r.requests[0].body, r.requests[0].headers['x-pulsepost-signature'], secret));
    });

    await step('Webhook Logs show every attempt; Replay sends the same payload again', async () => {
        failing = true;
        await p.send(app, 'deal.stage_changed', '{"stage":"won", "value": 10.50}');
        await page.getByRole('link', { name: 'Webhook Logs' }).click();
        const row = page.getByRole('row').filter({ hasText: 'deal.stage_changed' });
        await row.getByText('Failed 500').waitFor();
        await page.getByRole('button', { name: 'Failed', exact: true }).click();
        await page.getByRole('row').filter({ hasText: 'contact.created' }).waitFor({ state: 'detached' });
        failing = false;
        await row.getByRole('button', { name: 'Replay' }).click();
        await r.arrived(3);
        const [, first, again] = r.requests;
        assert.deepEqual(again.body, first.body);
        await page.getByRole('button', { name: 'All', exact: true }).click();
        await page.getByRole('row').filter({ hasText: 'Sent 202' }).filter({ hasText: 'deal.stage_changed' }).waitFor();
    });

    await step('all that failed is recovered at once, with its progress', async () => {
        failing = true;
        for (let i = 0; i < 3; i++) await p.send(app, 'form.submitted', { i });
        await r.arrived(6);
        await page.getByRole('row').filter({ hasText: 'form.submitted' }).nth(2).waitFor();
        // Given up: what waits for its retry is not recovered.
        const endpoint = (await p.ok('GET', `/api/v1/app/${app.id}/endpoint`)).data[0];
        await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${endpoint.id}`, { disabled: true });
        await page.waitForTimeout(500);
        await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${endpoint.id}`, { disabled: false });
        failing = false;
        await page.reload();
        await page.getByRole('button', { name: 'Recover failed events' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Start' }).click();
        await page.getByRole('dialog').getByText('Done').waitFor();
        await page.getByRole('dialog').getByText(/3 sent again/).waitFor();
        await r.arrived(9);
        await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
    });

    await step('Developer Settings list the outgoing addresses and the catalogue', async () => {
        await page.getByRole('link', { name: 'Developer Settings' }).click();
        await page.getByText('203.0.113.7').waitFor();
        await page.getByText('198.51.100.0/28').waitFor();
        await page.getByRole('button', { name: 'Event catalogue' }).click();
        await page.getByText('esignature.signed').click();
        await page.getByLabel('example of esignature.signed').getByText('signed_at').waitFor();
    });

    await step('an API key is shown once', async () => {
        await page.getByRole('button', { name: 'API keys' }).click();
        await page.getByRole('button', { name: 'New API key' }).click();
        await page.getByRole('dialog').getByLabel('Name').fill('Backend');
        await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
        const key = await page.getByLabel('API key', { exact: true }).innerText();
        assert.match(key, /^prk_/);
        const sent = await p.api('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'call.completed', payload: { ok: true } }, { token: key });
        assert.equal(sent.status, 202);
        await page.reload();
        await page.getByText('Backend').waitFor();
        assert.doesNotMatch(await page.locator('body').innerText(), new RegExp(key));
        await page.getByRole('button', { name: 'Revoke Backend' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
        await page.getByText('No API keys yet').waitFor();
        assert.equal((await p.api('GET', `/api/v1/app/${app.id}`, undefined, { token: key })).status, 401);
    });

    await step('edit, disable, enable, delete', async () => {
        await page.getByRole('link', { name: 'Webhooks', exact: true }).click();
        await page.getByRole('link', { name: 'Shop' }).click();
        await page.getByRole('button', { name: 'Disable' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
        await page.getByText(/was disabled by hand/).waitFor();
        await page.getByRole('button', { name: 'Enable' }).click();
        await page.getByText(/was disabled by hand/).waitFor({ state: 'detached' });
        await page.getByRole('link', { name: 'Edit Endpoint' }).click();
        await page.getByRole('checkbox', { name: 'booking.confirmed', exact: true }).check();
        await page.getByRole('button', { name: 'Update Webhook Endpoint' }).click();
        await page.getByRole('link', { name: 'Edit Endpoint' }).waitFor();
        const endpoint = (await p.ok('GET', `/api/v1/app/${app.id}/endpoint`)).data[0];
        assert.deepEqual(endpoint.eventTypes, ['booking.confirmed']);
        const { headers } = await p.ok('GET', `/api/v1/app/${app.id}/endpoint/${endpoint.id}/headers`);
        assert.deepEqual(Object.keys(headers), ['Authorization']);
        await page.getByRole('link', { name: 'Edit Endpoint' }).click();
        await page.getByRole('button', { name: 'Delete Endpoint' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
        await page.getByText('No endpoints yet').waitFor();
    });
    assert.deepEqual(page.wrongs, []);
});

test('two who edit the same endpoint do not overwrite each other unseen', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Twice', profile: 'myra' });
    const endpoint = await p.endpoint(app, 'http://127.0.0.1:9/hook', { name: 'before' });
    const page = await openPage(browser, origin);
    const { url } = await p.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, {});
    await page.goto(url);
    await page.getByRole('link', { name: 'before' }).click();
    await page.getByRole('link', { name: 'Edit Endpoint' }).click();
    await page.getByLabel('Name', { exact: true }).fill('mine');
    await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${endpoint.id}`, { name: 'theirs' });
    await page.getByRole('button', { name: 'Update Webhook Endpoint' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('theirs').waitFor();
    assert.equal((await p.ok('GET', `/api/v1/app/${app.id}/endpoint/${endpoint.id}`)).name, 'theirs');
    await dialog.getByRole('button', { name: 'Save mine' }).click();
    await page.getByRole('heading', { name: 'mine' }).waitFor();
    assert.equal((await p.ok('GET', `/api/v1/app/${app.id}/endpoint/${endpoint.id}`)).name, 'mine');
    assert.deepEqual(page.wrongs, []);
});
