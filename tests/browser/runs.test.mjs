// SPDX-License-Identifier: Apache-2.0
// Runs and incoming requests in the console: live, ended and tried again by hand, refused with a reason, made a sample.
import assert from 'node:assert/strict';
import { before } from 'node:test';
import { receiver } from '../e2e/lib/receiver.mjs';
import { Relay } from '../e2e/lib/smtp.mjs';
import { until } from '../e2e/lib/wait.mjs';
import { openPage, portal, setUp, signUp, step, test, violations, whyNot } from './lib.mjs';

let all;
before(async (t) => {
    const relay = new Relay({ answers: { RCPT: ['550 5.1.1 no such mailbox here'] } });
    await relay.start();
    t.after(() => relay.stop());
    all = await setUp(t, { settings: { SMTP_URL: relay.url, SMTP_FROM: 'shop@example.com' } });
    all.skip = await whyNot(all.p);
});

const contact = { id: 'contact', type: 'upsert_record', record: 'contact', set: { email: '{{ trigger.body.email }}' } };

async function workspace(p, name) {
    const app = await p.app({ name, profile: 'myra' });
    const w = { app, ok: (method, path, body) => p.ok(method, `/api/v1/app/${app.id}${path}`, body) };
    w.automation = async (definition, published = true) => {
        const made = await w.ok('POST', '/automation', { trigger: { type: 'incoming_webhook' }, ...definition });
        if (published) await w.ok('POST', `/automation/${made.id}/publish`);
        return { ...made, post: (body, headers = {}) => p.api('POST', new URL(made.trigger.url).pathname, body, { token: null, headers }) };
    };
    w.status = async (a, run) => (await w.ok('GET', `/automation/${a.id}/run/${run}`)).status;
    return w;
}

// Nothing that axe finds, and nothing wider than the page, also on a phone.
async function wellMade(page) {
    assert.deepEqual(await violations(page), []);
    const wide = page.viewportSize();
    await page.setViewportSize({ width: 360, height: 780 });
    assert.ok(await page.evaluate(() => document.scrollingElement.scrollWidth <= window.innerWidth), `${page.url()} is wider than a phone`);
    assert.deepEqual(await violations(page), []);
    await page.setViewportSize(wide);
}

test('requests: the first ones arrive by themselves, one becomes the sample, refused ones say why', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const w = await workspace(p, 'Contoso');
    const verify = { profile: 'header', secret: 'a token of this shop', header: 'X-Shop-Token' };
    const a = await w.automation({ name: 'Purchases', trigger: { type: 'incoming_webhook', verify }, steps: [contact] }, false);
    const signed = { 'x-shop-token': verify.secret };
    const page = await openPage(browser, origin);
    await portal(page, p, w.app);
    const row = (text) => page.getByRole('row').filter({ hasText: text });
    await step('empty: where to send, and a line that does', async () => {
        await page.getByRole('link', { name: 'Automations' }).click();
        await page.getByRole('link', { name: 'Purchases' }).click();
        await page.getByRole('link', { name: 'Incoming requests' }).click();
        await page.getByText('No requests yet').waitFor();
        assert.equal(await page.getByRole('group', { name: 'Trigger URL' }).textContent(), a.trigger.url);
        assert.match(await page.getByRole('group', { name: 'A request to try' }).textContent(), /curl -X POST 'http.*\/v1\/webhooks\/in\//);
        await page.getByText('This trigger checks who sends').waitFor();
        await wellMade(page);
    });
    await step('the first arrives without a reload', async () => {
        await a.post('{"email":"ada@example.com","order":9007199254740993}', signed);
        await row('Captured 202').getByText('Sample', { exact: true }).waitFor();
        await a.post('{"email":"grace@example.com","extra":true}', signed);
        await page.getByRole('row').filter({ hasText: 'Captured 202' }).nth(1).waitFor();
    });
    await step('the older one becomes the sample again', async () => {
        await page.getByRole('row').filter({ hasText: 'Captured 202' }).nth(1).getByRole('link').first().click();
        await page.getByRole('heading', { name: 'Incoming request' }).waitFor();
        const body = page.getByRole('group', { name: 'Body', exact: true });
        assert.match(await body.textContent(), /"order": 9007199254740993\n/);
        await page.getByRole('button', { name: 'Raw' }).click();
        assert.equal(await body.textContent(), '{"email":"ada@example.com","order":9007199254740993}');
        assert.match(await page.getByRole('group', { name: 'Headers' }).textContent(), /x-shop-token: \*\*\*/);
        await wellMade(page);
        await page.getByRole('button', { name: 'Use as sample' }).click();
        await page.getByRole('button', { name: 'Use as sample' }).waitFor({ state: 'detached' });
        await page.getByRole('main').getByText('Sample', { exact: true }).waitFor();
        const { data } = await w.ok('GET', `/automation/${a.id}/variable`);
        assert.ok(data.some((v) => v.path === 'trigger.body.order') && !data.some((v) => v.path === 'trigger.body.extra' && !v.change));
    });
    await w.ok('POST', `/automation/${a.id}/publish`);
    await step('refused ones have the reason, and lead to no run', async () => {
        await page.getByRole('link', { name: 'Incoming requests' }).click();
        await a.post('{"email":"eve@example.com"}', { 'x-shop-token': 'a wrong one' });
        await row('Refused 401').getByText('the signature does not fit').waitFor();
        await a.post('{"email": ', signed);
        await row('Refused 400').getByText(/the body is no JSON: line 1, column/).waitFor();
        await a.post('{"email":"ada@example.com"}', signed);
        await row('Accepted 202').getByRole('link', { name: 'Run' }).waitFor();
        await wellMade(page);
        await page.getByRole('button', { name: 'Refused' }).click();
        await row('Accepted 202').waitFor({ state: 'detached' });
        await row('Refused 401').getByRole('link').first().click();
        await page.getByText('Compare the secret here').waitFor();
        assert.equal(await page.getByRole('button', { name: 'Use as sample' }).count(), 0);
        assert.doesNotMatch(await page.getByRole('main').textContent(), /a wrong one/);
        await wellMade(page);
    });
    await step('from an accepted one to its run, and back', async () => {
        await page.getByRole('link', { name: 'Incoming requests' }).click();
        await row('Accepted 202').getByRole('link', { name: 'Run' }).click();
        await page.getByRole('heading', { name: 'Run of Purchases' }).waitFor();
        await page.getByRole('link', { name: 'An incoming request' }).click();
        await page.getByRole('heading', { name: 'Incoming request' }).waitFor();
    });
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('runs: they move while one looks, are cancelled, and tried again from where they failed', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const w = await workspace(p, 'Fabrikam');
    let well = false;
    const r = await receiver(t, { answer: () => (well ? 200 : 503) });
    const review = await w.automation({ name: 'Post-Purchase Review', trigger: { type: 'sequence' }, steps: [{ id: 'nap', type: 'wait', for: '1h' }] });
    const large = { name: 'Large orders', when: { value: '{{ trigger.body.total }}', gte: 100 }, steps: [{ id: 'erp', type: 'http_request', name: 'Tell the ERP', url: r.url('/erp'), retrySchedule: [] }] };
    const a = await w.automation({
        name: 'Purchases',
        steps: [
            { ...contact, set: { ...contact.set, order: '{{ trigger.body.order }}' } },
            { id: 'size', type: 'branch', name: 'By size', branches: [large], else: [{ id: 'nap', type: 'wait', event: ['call.completed'], timeout: '1h' }] },
            { id: 'seq', type: 'start_sequence', automation: review.id, target: '{{ steps.contact.id }}' },
        ],
    });
    const page = await openPage(browser, origin);
    await portal(page, p, w.app);
    const row = (text) => page.getByRole('row').filter({ hasText: text });
    await step('a run appears, waits, and is done, without a reload', async () => {
        await page.goto(`/portal/automations/${a.id}/runs`);
        await page.getByText('No runs yet').waitFor();
        await wellMade(page);
        await a.post('{"email":"ada@example.com","total":5}');
        await row('ada@example.com').getByText('Waiting').waitFor();
        await p.send(w.app, 'call.completed', { seconds: 1 });
        await row('ada@example.com').getByText('Done').waitFor();
    });
    let failed;
    await step('the page of one does the same; what was not taken is folded away', async () => {
        const { id } = (await a.post('{"email":"grace@example.com","total":5}')).json;
        await page.goto(`/portal/automations/${a.id}/runs/${id}`);
        await page.getByText(/^It waits for the event/).waitFor();
        await page.getByText('1 step, not taken').waitFor();
        await page.getByRole('listitem').filter({ hasText: 'Start sequence' }).getByText('Not yet').last().waitFor();
        await p.send(w.app, 'call.completed', { seconds: 2 });
        await page.getByRole('status').getByText('Done').waitFor();
        await page.getByRole('button', { name: 'Start sequence' }).click();
        assert.match(await page.getByRole('group', { name: 'Output of Start sequence', exact: true }).textContent(), /"started": true/);
        await wellMade(page);
    });
    await step('to the run that it started, which says who did; cancelled there', async () => {
        await page.getByRole('link', { name: 'this run' }).click();
        await page.getByRole('heading', { name: 'Run of Post-Purchase Review' }).waitFor();
        await page.getByRole('link', { name: 'A run of Purchases' }).waitFor();
        await page.getByRole('button', { name: 'Cancel run' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Keep it going' }).click();
        await page.getByRole('button', { name: 'Cancel run' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Cancel run' }).click();
        await page.getByText('It was cancelled by hand.').waitFor();
        await page.getByRole('button', { name: 'Cancel run' }).waitFor({ state: 'detached' });
        await wellMade(page);
    });
    await step('a failed one says where and why', async () => {
        failed = (await a.post('{"email":"linus@example.com","total":300,"order":9007199254740993}')).json.id;
        await page.goto(`/portal/automations/${a.id}/runs?status=failed`);
        await row('linus@example.com').getByText('the endpoint answered 503').waitFor();
        await wellMade(page);
        await row('linus@example.com').getByRole('link').first().click();
        await page.getByText('The step Tell the ERP failed: the endpoint answered 503').waitFor();
        await page.getByText('Not reached').waitFor();
        assert.match(await page.getByRole('group', { name: 'Trigger data', exact: true }).textContent(), /"order": 9007199254740993\n/);
        await page.getByRole('button', { name: 'Create or update contact' }).click();
        assert.match(await page.getByRole('group', { name: 'Input of Create or update contact', exact: true }).textContent(), /"order": 9007199254740993\n/);
        await wellMade(page);
    });
    await step('once the receiver is well it continues from there', async () => {
        await page.getByRole('button', { name: 'Retry from the failed step' }).click();
        await page.getByRole('dialog').getByText('Tell the ERP').waitFor();
        assert.deepEqual(await violations(page), []);
        well = true;
        await page.getByRole('dialog').getByRole('button', { name: 'Retry', exact: true }).click();
        await page.getByRole('status').getByText('Done').waitFor();
        await page.getByText('2 attempts').waitFor();
        assert.equal(r.requests.length, 2);
        assert.equal(r.requests[0].headers['idempotency-key'], r.requests[1].headers['idempotency-key']);
        assert.equal(await w.status(a, failed), 'done');
    });
    await step('the runs of a contact stand on its page', async () => {
        await page.getByRole('link', { name: 'linus@example.com' }).first().click();
        await page.getByRole('heading', { name: 'Automation runs' }).waitFor();
        await row('Post-Purchase Review').getByText(/continues in/).waitFor();
        await wellMade(page);
        await row('Purchases').first().getByRole('link', { name: 'Purchases' }).click();
        await page.getByRole('heading', { name: 'Run of Purchases' }).waitFor();
    });
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('a letter that was not delivered says why in its run', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const w = await workspace(p, 'Tailspin');
    const a = await w.automation({ name: 'Welcome', steps: [{ id: 'letter', type: 'send_email', to: '{{ trigger.body.email }}', subject: 'Hello', text: 'Hello' }] });
    const { id } = (await a.post('{"email":"nobody@example.com"}')).json;
    const page = await openPage(browser, origin);
    await portal(page, p, w.app);
    await page.goto(`/portal/automations/${a.id}/runs/${id}`);
    await page.getByText('Not delivered', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Send email' }).click();
    await page.getByText(/The email to nobody@example.com was not delivered: .*550/).waitFor();
    await wellMade(page);
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('who may only look ends and retries nothing, and chooses no sample', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const w = await workspace(p, 'Wingtip');
    const waits = await w.automation({ name: 'Waits', steps: [{ id: 'nap', type: 'wait', for: '1h' }] });
    const fails = await w.automation({ name: 'Fails', steps: [{ id: 'tag', type: 'add_tag', target: 'nobody', tag: 't' }] });
    const waiting = (await waits.post('{"a":1}')).json.id;
    const failed = (await fails.post('{}')).json.id;
    await waits.post('{"a":2}');
    await until('it has failed', async () => (await w.status(fails, failed)) === 'failed');
    const page = await openPage(browser, origin);
    await portal(page, p, w.app, { readOnly: true });
    await page.goto(`/portal/automations/${waits.id}/runs/${waiting}`);
    await page.getByText(/^It continues on/).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Cancel run' }).count(), 0);
    await page.goto(`/portal/automations/${fails.id}/runs/${failed}`);
    await page.getByText(/The step Add tag failed/).waitFor();
    assert.equal(await page.getByRole('button', { name: /Retry/ }).count(), 0);
    await page.goto(`/portal/automations/${waits.id}/requests`);
    await page.getByRole('row').nth(2).getByRole('link').first().click();
    await page.getByRole('heading', { name: 'Incoming request' }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Use as sample' }).count(), 0);
    await page.goto('/portal/developer');
    await page.getByText('In any second up to 100 requests').waitFor();
    assert.equal(await page.getByLabel('Requests per second').count(), 0);
    await page.context().close();
});

test('an owner changes how many requests per second come in', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const w = await workspace(p, 'Northwind');
    const page = await openPage(browser, origin);
    await signUp(page, p);
    await page.goto(`/app/${w.app.id}/developer`);
    await page.getByText('In any second up to 100 requests').waitFor();
    await page.getByLabel('Requests per second').fill('many');
    await page.getByText('Enter a whole number.').waitFor();
    await page.getByLabel('Requests per second').fill('0');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('.field-error').waitFor();
    await page.getByLabel('Requests per second').fill('7');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('In any second up to 7 requests').waitFor();
    assert.deepEqual(await w.ok('GET', '/settings'), { incomingRateLimit: 7 });
    await wellMade(page);
    await page.getByLabel('Requests per second').fill('');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('In any second up to 100 requests').waitFor();
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});
