// SPDX-License-Identifier: Apache-2.0
// The portal as a product embeds it: in a frame of another site, and read-only.
import assert from 'node:assert/strict';
import http from 'node:http';
import { before } from 'node:test';
import { until } from '../e2e/lib/wait.mjs';
import { openPage, portal, setUp, test, whyNot } from './lib.mjs';

let all;
before(async (t) => {
    // The product's own page; another host name makes it another site.
    const product = http.createServer((request, response) => {
        response.setHeader('content-type', 'text/html');
        response.end(`<!doctype html><title>Product</title><iframe width="1200" height="800" src="${decodeURIComponent(request.url.slice(2))}"></iframe>`);
    });
    await new Promise((resolve) => product.listen(0, '127.0.0.1', resolve));
    t.after(() => product.close());
    const site = `http://localhost:${product.address().port}`;
    all = await setUp(t, { settings: { PORTAL_FRAME_ANCESTORS: site } });
    all.skip = await whyNot(all.p);
    all.site = site;
});

async function link(p, app, fields = {}) {
    return (await p.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, fields)).url;
}

test('the portal works in a frame of another site, and the key works once', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, site } = all;
    const app = await p.app({ name: 'Framed', profile: 'myra' });
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    const url = await link(p, app);
    await page.goto(`${site}/?${encodeURIComponent(url)}`);
    const frame = page.frameLocator('iframe');
    await frame.getByRole('link', { name: 'New Webhook Endpoint' }).click();
    await frame.getByLabel('Endpoint URL').fill('http://127.0.0.1:9/hook');
    await frame.getByRole('checkbox', { name: 'All Events' }).check();
    await frame.getByRole('button', { name: 'Create Webhook Endpoint' }).click();
    await frame.getByText('No events yet').waitFor();
    // Live, also without a cookie.
    await p.send(app, 'contact.created', { a: 1 });
    await frame.getByRole('link', { name: 'contact.created' }).waitFor();
    assert.deepEqual(await context.cookies(), []);
    const again = await context.newPage();
    await again.goto(url);
    await again.getByText('This page needs a new link').waitFor();
    await context.close();
});

test('only who is named may embed it, and only the portal', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { browser, site, origin } = all;
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${site}/?${encodeURIComponent(`${origin}/login`)}`);
    await page.waitForTimeout(500);
    assert.equal(await page.frameLocator('iframe').getByRole('heading', { name: 'Sign in' }).count(), 0);
    await page.context().close();
});

test('a read-only visit sees everything and can change nothing', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Looked at', profile: 'myra' });
    await p.endpoint(app, 'http://127.0.0.1:9/hook', { name: 'Shop' });
    await p.send(app, 'contact.created', { a: 1 });
    const page = await openPage(browser, origin);
    await portal(page, p, app, { readOnly: true });
    assert.equal(await page.getByRole('link', { name: 'New Webhook Endpoint' }).count(), 0);
    await page.getByRole('link', { name: 'Shop' }).click();
    await page.getByRole('link', { name: 'contact.created' }).waitFor();
    for (const name of ['Edit Endpoint', 'Reveal', 'Rotate', 'Send test event', 'Disable', 'Recover'])
        assert.equal(await page.getByText(name, { exact: true }).count(), 0, name);
    await page.getByRole('link', { name: 'contact.created' }).click();
    await page.getByRole('heading', { name: 'Attempts' }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Replay' }).count(), 0);
    await page.getByRole('link', { name: 'Developer Settings' }).click();
    assert.equal(await page.getByRole('button', { name: 'API keys' }).count(), 0);
    assert.deepEqual(page.wrongs, []);
});

test('a list of capabilities hides what would be refused, and only that', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Partly', profile: 'myra' });
    const A = `/api/v1/app/${app.id}`;
    const contact = await p.ok('POST', `${A}/record/contact`, { data: { email: 'ada@example.com' } });
    const made = await p.ok('POST', `${A}/automation`, { name: 'Purchases', trigger: { type: 'incoming_webhook' }, steps: [{ id: 'bad', type: 'add_tag', target: '{{ contact.id | required }}', tag: 'x' }] });
    const sample = (await p.api('POST', new URL(made.trigger.url).pathname, { a: 1 }, { token: null })).json;
    await p.ok('POST', `${A}/automation/${made.id}/publish`);
    await p.api('POST', new URL(made.trigger.url).pathname, { a: 2 }, { token: null });
    const run = await until('a run failed', async () => (await p.ok('GET', `${A}/automation/${made.id}/run`)).data.find((r) => r.status === 'failed'));
    const endpoint = await p.endpoint(app, 'http://127.0.0.1:9/hook', { name: 'Shop' });

    const here = `/portal/automations/${made.id}`;
    // By the capability that they need: a page, the words that say it is there, the buttons and links on it.
    const offers = {
        ManageAutomations: [
            ['/portal/automations', 'Purchases', ['New Automation']],
            [here, 'Incoming Webhook', ['Save draft', 'Publish', 'Test run', 'Pause', 'Delete']],
            [`${here}/requests/${sample.id}`, 'Received', ['Use as sample']],
            [`${here}/runs/${run.id}`, 'Failed', ['Retry from the failed step']],
        ],
        ManageRecords: [
            ['/portal/records/contact', 'ada@example.com', ['New record', 'Import']],
            [`/portal/records/contact/${contact.id}`, 'History', ['Edit', 'Delete']],
        ],
        ManageEndpoint: [
            ['/portal/webhooks', 'Shop', ['New Webhook Endpoint']],
            [`/portal/webhooks/${endpoint.id}`, 'Signing secret', ['Edit Endpoint', 'Disable', 'Reveal']],
        ],
    };
    for (const given of [['ManageAutomations'], ['ManageRecords'], ['ManageEndpoint'], ['ViewBase', 'ViewEndpointSecret', 'ManageEndpointSecret', 'ManageTransformations', 'CreateAttempts', 'ManageEndpoint'], null]) {
        const page = await openPage(browser, origin);
        const refused = [];
        page.on('response', (r) => r.status() === 403 && refused.push(r.url()));
        await portal(page, p, app, given ? { capabilities: given } : {});
        for (const [capability, pages] of Object.entries(offers)) {
            for (const [path, words, names] of pages) {
                await page.goto(path);
                await page.getByRole('main').getByText(words).first().waitFor();
                for (const name of names) {
                    const found = page.getByRole('main').getByRole('button', { name }).or(page.getByRole('main').getByRole('link', { name, exact: true }));
                    if (!given || given.includes(capability)) await found.first().waitFor();
                    else assert.equal(await found.count(), 0, `${given}: ${path} has ${name}`);
                }
            }
        }
        assert.deepEqual(refused, [], String(given));
        assert.deepEqual(page.wrongs, []);
        await page.context().close();
    }
    const page = await openPage(browser, origin);
    await portal(page, p, app, { capabilities: ['ViewBase'] });
    for (const path of ['automations/new', 'records/contact/import', 'webhooks/new', `webhooks/${endpoint.id}/edit`]) {
        await page.goto(`/portal/${path}`);
        await page.getByText('You may look here, but not change anything.').waitFor();
    }
    await page.context().close();
});
