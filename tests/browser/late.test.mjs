// SPDX-License-Identifier: Apache-2.0
// What is late: keys before frames, answers after the next click, news before the answer to what was asked because of them.
import assert from 'node:assert/strict';
import { before } from 'node:test';
import { receiver } from '../e2e/lib/receiver.mjs';
import { sleep, until } from '../e2e/lib/wait.mjs';
import { openPage, portal, setUp, signUp, step, test, unanswered, whyNot } from './lib.mjs';

let all;
before(async (t) => {
    all = await setUp(t);
    all.skip = await whyNot(all.p);
});

const button = (page, name) => page.getByRole('button', { name, exact: true });
const textbox = (page, name) => page.getByRole('textbox', { name, exact: true });

async function post(p, url, body) {
    const answer = await p.api('POST', new URL(url).pathname, body, { token: null });
    assert.equal(answer.status, 202, answer.text);
}

// What is asked there is answered when the function that this returns is called.
async function hold(page, method, where) {
    let letGo;
    const held = new Promise((resolve) => (letGo = resolve));
    await page.route(where, async (route) => {
        if (route.request().method() !== method) return route.continue();
        try {
            const response = await route.fetch();
            await held;
            await route.fulfill({ response });
        } catch (error) {
            // The page is closed while it is asked once more.
            if (!/has been closed/.test(error.message)) throw error;
        }
    });
    return letGo;
}

test('what is typed at once, or while something arrives, goes where it belongs', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Humongous', profile: 'myra' });
    const steps = [
        { id: 'contact', type: 'upsert_record', record: 'contact', set: { email: '' } },
        { id: 'wait', type: 'wait', event: ['contact.updated'], timeout: '1d' },
        { id: 'request', type: 'http_request', method: 'POST', url: 'https://example.com/' },
    ];
    const made = await p.ok('POST', `/api/v1/app/${app.id}/automation`, { name: 'Purchases', trigger: { type: 'incoming_webhook' }, steps });
    await post(p, made.trigger.url, { customer: { email: 'ada@example.com' } });
    // A browser that is busy: keys come before its frames.
    const page = await openPage(browser, origin, { lateMs: 700 });
    await portal(page, p, app);
    await step('into a dialog and out of it', async () => {
        await page.goto('/portal/automations/new');
        await page.getByRole('heading', { name: 'New automation' }).waitFor();
        await page.keyboard.type('Purch');
        assert.equal(await page.getByLabel('Name').inputValue(), 'Purch');
        await page.goto(`/portal/automations/${made.id}`);
        await button(page, 'Add step').focus();
        await page.keyboard.press('Enter');
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Add step');
    });
    await step('the search of a picker, and behind what it put in', async () => {
        await page.getByRole('button', { name: /^Step 1/ }).click();
        await page.getByText('ada@example.com').first().waitFor({ state: 'attached' });
        await button(page, 'Insert a variable into Value of email').focus();
        await page.keyboard.press('Enter');
        await page.keyboard.type('customer');
        await page.keyboard.press('Enter');
        await page.keyboard.type('!');
        assert.equal(await textbox(page, 'Value of email').inputValue(), '{{ trigger.body.customer.email }}!');
    });
    await step('a condition that nothing was written into yet', async () => {
        await page.getByRole('button', { name: /^Step 2/ }).click();
        await page.getByText('Only such events…').click();
        await textbox(page, 'Value of condition 1').focus();
        await post(p, made.trigger.url, { customer: { email: 'grace@example.com' } });
        await page.getByRole('group', { name: 'Request' }).getByText('grace@example.com').waitFor();
        await page.keyboard.type('x');
        assert.equal(await textbox(page, 'Value of condition 1').inputValue(), 'x');
        await page.keyboard.press('Backspace');
        await page.keyboard.type('yz');
        assert.equal(await textbox(page, 'Value of condition 1').inputValue(), 'yz');
        await textbox(page, 'Value of condition 1').fill('');
    });
    await step('what was refused, where it is folded away otherwise', async () => {
        await page.getByRole('button', { name: /^Step 3/ }).click();
        await page.getByText('Options').click();
        await page.getByLabel('When it fails, try again').selectOption('own');
        await textbox(page, 'Seconds between the tries').fill('5, often');
        await page.keyboard.press('Control+s');
        await page.locator('.field-error').waitFor();
        await textbox(page, 'Seconds between the tries').press('End');
        for (let i = 0; i < 'often'.length; i++) await page.keyboard.press('Backspace');
        await page.keyboard.type('10');
        assert.equal(await textbox(page, 'Seconds between the tries').inputValue(), '5, 10');
    });
    await step('saved again, what was asked for while it was being saved', async () => {
        await page.keyboard.press('Control+s');
        await page.keyboard.type(', 15');
        await page.keyboard.press('Control+s');
        const stored = () => p.ok('GET', `/api/v1/app/${app.id}/automation/${made.id}`);
        await until('all of it is saved', async () => (await stored()).steps[2].retrySchedule?.join() === '5,10,15');
    });
    await step('published after it is saved, though that was asked for before', async () => {
        await page.getByText('Not saved yet').waitFor({ state: 'detached' });
        const saved = await hold(page, 'PUT', '**/automation/*');
        await textbox(page, 'Name').fill('Purchases of today');
        await button(page, 'Save draft').click();
        await button(page, 'Publish').click();
        await textbox(page, 'Name').press('End');
        await page.keyboard.type('!');
        saved();
        await page.getByText('Published: it is on from now on.').waitFor();
        const { name, status } = await p.ok('GET', `/api/v1/app/${app.id}/automation/${made.id}`);
        assert.deepEqual([name, status], ['Purchases of today!', 'published']);
    });
    assert.deepEqual(page.wrongs, []);
});

test('who goes elsewhere before an answer stays there; what is begun before a list is known knows it', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Fabrikam', profile: 'metapulse' });
    const page = await openPage(browser, origin);
    await portal(page, p, app);
    const types = await hold(page, 'GET', '**/record-type');
    const created = await hold(page, 'POST', '**/automation');
    await page.goto('/portal/automations/new');
    await page.getByLabel('Name').fill('Changes');
    await page.getByLabel('Record changed').check();
    await button(page, 'Create Automation').click();
    types();
    const made = await until('it is made', async () => (await p.ok('GET', `/api/v1/app/${app.id}/automation`)).data[0]);
    assert.equal(made.trigger.record, 'data_point');
    await page.getByRole('link', { name: 'Webhook Logs' }).click();
    await page.getByRole('heading', { name: 'Webhook Logs' }).waitFor();
    const answered = page.waitForResponse((response) => response.request().method() === 'POST');
    created();
    await (await answered).finished();
    await until('it is answered', () => !unanswered(page).some((line) => line.startsWith('POST ')));
    assert.equal(new URL(page.url()).pathname, '/portal/logs');
    await page.goto(`/portal/automations/${made.id}`);
    await button(page, 'Add step').click();
    await page.getByRole('dialog').getByRole('button', { name: /^Create or update record/ }).click();
    assert.equal(await page.getByLabel('Type of record').last().inputValue(), 'data_point');
    assert.deepEqual(page.wrongs, []);
});

test('an answer that comes after the filter was changed leaves the new list alone', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Northwind', profile: 'myra' });
    let failing = true;
    const r = await receiver(t, { answer: () => (failing ? 500 : 200) });
    await p.endpoint(app, r.url(), { name: 'CRM', retrySchedule: [] });
    await p.attempted(app, await p.send(app, 'contact.created', { a: 1 }), 1);
    failing = false;
    const page = await openPage(browser, origin);
    await portal(page, p, app);
    const answer = await hold(page, 'POST', '**/api/v1/app/*/msg/**');
    await page.goto('/portal/logs?status=failed');
    await button(page, 'Replay').click();
    await r.arrived(2);
    await button(page, 'All').click();
    await page.getByRole('row').filter({ hasText: 'Sent 200' }).waitFor();
    await until('the list is not on its way', () => !unanswered(page).some((line) => /^GET .*\/attempt$/.test(line)));
    const looked = page.waitForResponse((response) => /\/attempt\?/.test(response.url()));
    answer();
    await page.getByText('is being sent once more').waitFor();
    await looked;
    await page.getByRole('row').filter({ hasText: 'Sent 200' }).waitFor();
    await page.getByRole('row').filter({ hasText: 'Failed 500' }).waitFor();
    assert.deepEqual(page.wrongs, []);
});

test('what arrives late moves nothing that is there to be clicked', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Fabrikam', profile: 'metapulse' });
    const r = await receiver(t, { answer: () => ({ status: 500, body: 'down' }) });
    const endpoint = await p.endpoint(app, r.url(), { name: 'Warehouse' });
    await p.attempted(app, await p.send(app, 'team.updated', { i: 1 }), 1);
    const page = await openPage(browser, origin);
    await portal(page, p, app);
    const top = async (part) => (await part.boundingBox()).y;
    await step('an endpoint and its attempts', async () => {
        const answer = await hold(page, 'GET', '**/attempt/endpoint/**');
        await page.goto(`/portal/webhooks/${endpoint.id}`);
        await page.getByRole('link', { name: 'team.updated' }).waitFor();
        const before = await top(button(page, 'Failed'));
        answer();
        await page.getByText('Success rate').waitFor();
        assert.ok(Math.abs((await top(button(page, 'Failed'))) - before) <= 1, `from ${before} to ${await top(button(page, 'Failed'))}`);
    });
    await step('logs and what they can be narrowed down by', async () => {
        const answer = await hold(page, 'GET', '**/event-type*');
        await page.goto('/portal/logs');
        await page.getByRole('link', { name: 'team.updated' }).waitFor();
        const before = await top(page.getByRole('link', { name: 'team.updated' }));
        const types = page.getByLabel('Event type').locator('option');
        assert.equal(await types.count(), 1);
        answer();
        await until('the types are offered', async () => (await types.count()) > 1);
        assert.equal(await top(page.getByRole('link', { name: 'team.updated' })), before);
    });
    const made = await p.ok('POST', `/api/v1/app/${app.id}/automation`, { name: 'Purchases', trigger: { type: 'incoming_webhook' }, steps: [{ id: 'set', type: 'set', set: { a: 'b' } }] });
    await post(p, made.trigger.url, { customer: { email: 'ada@example.com' } });
    await step('requests, also while others are asked for', async () => {
        let answer = await hold(page, 'GET', '**/request?*');
        await page.goto(`/portal/automations/${made.id}/requests`);
        await button(page, 'Refused').waitFor();
        const before = await top(button(page, 'Refused'));
        answer();
        await page.locator('tbody tr').first().waitFor();
        assert.equal(await top(button(page, 'Refused')), before);
        await page.unrouteAll({ behavior: 'ignoreErrors' });
        answer = await hold(page, 'GET', '**/request?*');
        await button(page, 'Refused').click();
        await page.getByText('Loading…').first().waitFor({ state: 'attached' });
        assert.equal(await top(button(page, 'Refused')), before);
        answer();
        await page.getByText('No request was refused.').waitFor();
        assert.equal(await top(button(page, 'Refused')), before);
        await page.unrouteAll({ behavior: 'ignoreErrors' });
    });
    await step('variables', async () => {
        const answer = await hold(page, 'GET', '**/variable*');
        await page.goto(`/portal/automations/${made.id}`);
        await page.getByRole('button', { name: /^Step 1 / }).waitFor();
        assert.equal(await page.getByRole('group', { name: 'Variables' }).count(), 0, 'there is nothing to click that would move');
        answer();
        await page.getByRole('group', { name: 'Variables' }).getByRole('button', { name: /customer\.email/ }).waitFor();
    });
    assert.deepEqual(page.wrongs, []);
});

test('a page that is about no workspace leads back to the one that was left before its answer', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Wide World', profile: 'myra' });
    const page = await openPage(browser, origin);
    await signUp(page, p);
    const answer = await hold(page, 'GET', `**/api/v1/app/${app.id}`);
    await page.getByRole('link', { name: 'Wide World' }).click();
    await page.getByRole('link', { name: 'Settings', exact: true }).click();
    await page.getByRole('heading', { name: 'Settings' }).waitFor();
    answer();
    await page.getByRole('link', { name: 'Webhooks', exact: true }).click();
    await page.getByRole('heading', { name: 'Webhooks', exact: true }).waitFor();
    assert.deepEqual(page.wrongs, []);
});

test('news that come faster than answers are shown all the same', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Contoso', profile: 'myra' });
    const r = await receiver(t);
    const endpoint = await p.endpoint(app, r.url(), { name: 'CRM' });
    const page = await openPage(browser, origin);
    await portal(page, p, app);
    await page.goto(`/portal/webhooks/${endpoint.id}`);
    await page.getByText('No events yet').waitFor();
    // Each answer is for longer on its way than the page leaves between two looks.
    await page.route('**/api/v1/**', async (route) => {
        if (route.request().url().endsWith('/live')) return route.continue();
        await sleep(2500);
        await route.continue().catch(() => {});
    });
    let sending = true;
    const sent = (async () => {
        for (let i = 0; sending; i++) {
            await p.send(app, 'contact.created', { i });
            await sleep(200);
        }
    })();
    try {
        await page.getByRole('row').nth(3).waitFor();
    } finally {
        sending = false;
        await sent;
    }
    assert.deepEqual(page.wrongs, []);
});
