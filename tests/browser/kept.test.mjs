// SPDX-License-Identifier: Apache-2.0
// What a person has written stays with them, and what they see is what holds: going back, a session that is over, a file that is
// changed, a URL that is another one now.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before } from 'node:test';
import { until } from '../e2e/lib/wait.mjs';
import { openPage, setUp, signIn, signUp, step, test, whyNot } from './lib.mjs';

let all;
before(async (t) => {
    all = await setUp(t);
    all.skip = await whyNot(all.p);
    if (all.skip) return;
    const page = await openPage(all.browser, all.origin);
    await signUp(page, all.p);
    all.cookies = await page.context().storageState();
    await page.context().close();
});

const button = (page, name) => page.getByRole('button', { name, exact: true });
const textbox = (page, name) => page.getByRole('textbox', { name, exact: true });

const purchase = [
    { id: 'contact', type: 'upsert_record', record: 'contact', key: 'email', set: { email: '{{ trigger.body.email }}' } },
    { id: 'wait', type: 'wait', for: '2d' },
];

// A page of somebody who is signed in, in a workspace with one automation.
async function begin({ steps = purchase, ...options } = {}) {
    const { p, browser, origin, cookies } = all;
    const app = await p.app({ name: 'Fabrikam', profile: 'myra' });
    const made = await p.ok('POST', `/api/v1/app/${app.id}/automation`, { name: 'Purchases', trigger: { type: 'incoming_webhook' }, steps });
    const page = await openPage(browser, origin, { storageState: cookies, ...options });
    return { p, app, made, page, base: `/app/${app.id}`, builder: `/app/${app.id}/automations/${made.id}` };
}

const at = (page, path) => page.waitForURL((url) => url.pathname === path);

// Answers what the browser asks before it leaves a page: no, until `leave` is set. What it asked is kept.
function answering(page, answer = { asked: [], leave: false }) {
    page.removeAllListeners('dialog');
    page.on('dialog', (dialog) => {
        answer.asked.push(dialog.message());
        void (answer.leave ? dialog.accept() : dialog.dismiss());
    });
    return answer;
}

test('going back asks before what is not saved is lost', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { page, base, builder } = await begin();
    const answer = answering(page);
    const { asked } = answer;
    await page.goto(`${base}/automations`);
    await page.getByRole('link', { name: 'Purchases' }).click();
    await textbox(page, 'Name').fill('Orders');
    for (let n = 1; n <= 2; n++) {
        await page.evaluate(() => history.back());
        await until('it asks', () => asked.length === n);
        await at(page, builder);
        assert.equal(await textbox(page, 'Name').inputValue(), 'Orders');
    }
    answer.leave = true;
    await page.evaluate(() => history.back());
    await page.getByRole('heading', { name: 'Automations', exact: true }).waitFor();
    await at(page, `${base}/automations`);
    await page.evaluate(() => history.forward());
    await page.getByRole('heading', { name: 'Purchases' }).waitFor();
    assert.equal(await textbox(page, 'Name').inputValue(), 'Purchases');
    assert.equal(asked.length, 3, 'nothing is lost by going forward');
    assert.match(asked[0], /What you changed is not saved/);
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('signing out asks before what is not saved is lost', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { browser, origin } = all;
    const { page: unused, base, builder } = await begin();
    await unused.context().close();
    // A session of its own, since it ends.
    const first = await openPage(browser, origin);
    await signIn(first);
    await first.getByRole('heading', { name: 'Workspaces' }).waitFor();
    const answer = answering(first);
    const { asked } = answer;
    const open = async (page, path) => {
        answering(page, answer);
        await page.goto(path);
        return page;
    };
    const session = async (page) => (await page.request.get('/api/v1/console/session')).status();
    await step('in the builder', async () => {
        const page = await open(first, builder);
        await textbox(page, 'Name').fill('Orders');
        await page.getByText('Not saved yet').waitFor();
        await button(page, 'Sign out').click();
        await until('it asks', () => asked.length === 1);
        assert.match(asked[0], /^Sign out\? What you changed is not saved/);
        assert.equal(await textbox(page, 'Name').inputValue(), 'Orders');
        await at(page, builder);
        assert.equal(await session(page), 200);
    });
    const page = await open(await first.context().newPage(), `${base}/webhooks/new`);
    await step('in a form', async () => {
        await textbox(page, 'Name').fill('Production');
        await button(page, 'Sign out').click();
        await until('it asks', () => asked.length === 2);
        assert.equal(await textbox(page, 'Name').inputValue(), 'Production');
        assert.equal(await session(page), 200);
    });
    await step('who says so is signed out', async () => {
        answer.leave = true;
        await button(page, 'Sign out').click();
        await page.getByRole('heading', { name: 'Sign in' }).waitFor();
        assert.equal(asked.length, 3);
        assert.equal(await session(page), 401);
    });
    await step('with nothing to lose nobody is asked', async () => {
        await signIn(page);
        await page.getByRole('heading', { name: 'Workspaces' }).waitFor();
        await page.goto(builder);
        await page.getByRole('heading', { name: 'Purchases' }).waitFor();
        await button(page, 'Sign out').click();
        await page.getByRole('heading', { name: 'Sign in' }).waitFor();
        assert.equal(asked.length, 3);
    });
    assert.deepEqual(first.wrongs, []);
    await first.context().close();
});

test('another environment is chosen only by who may lose what is not saved', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { page, builder } = await begin();
    const answer = answering(page);
    const { asked } = answer;
    // A member of a second one.
    await page.route('**/api/v1/console/session', async (route) => {
        const response = await route.fetch();
        const json = await response.json();
        const memberships = [...json.memberships, { ...json.memberships[0], environment: 'org_other', environmentName: 'Other' }];
        await route.fulfill({ response, json: { ...json, memberships } });
    });
    await page.goto(builder);
    const chosen = page.getByLabel('Environment', { exact: true });
    const before = await chosen.inputValue();
    await textbox(page, 'Name').fill('Orders');
    await page.getByText('Not saved yet').waitFor();
    await chosen.selectOption('Other');
    await until('it asks', () => asked.length === 1);
    assert.deepEqual([await chosen.inputValue(), await textbox(page, 'Name').inputValue()], [before, 'Orders']);
    await at(page, builder);
    answer.leave = true;
    await chosen.selectOption('Other');
    await at(page, '/');
    await until('it is chosen', async () => (await chosen.inputValue()) === 'org_other');
    assert.equal(asked.length, 2);
    await page.context().close();
});

test('a session that is over takes nothing along: who signs in again elsewhere goes on', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, app, made, page, builder } = await begin();
    await page.goto(builder);
    await textbox(page, 'Name').fill('Orders');
    await page.context().clearCookies();
    await button(page, 'Save draft').click();
    await page.getByText('Sign in again in another tab').waitFor();
    const other = await page.context().newPage();
    await signIn(other);
    await other.getByRole('heading', { name: 'Workspaces' }).waitFor();
    await button(page, 'Save draft').click();
    await page.getByRole('heading', { name: 'Orders' }).waitFor();
    assert.equal((await p.ok('GET', `/api/v1/app/${app.id}/automation/${made.id}`)).name, 'Orders');
    // With nothing to lose the way is to the sign-in page.
    await page.context().clearCookies();
    await page.getByRole('link', { name: 'Runs', exact: true }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('a Trigger URL that was rotated is the new one wherever it is shown', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { page, builder, made, p, app } = await begin();
    const url = page.getByRole('group', { name: 'Trigger URL' });
    const trigger = button(page, 'Trigger Incoming Webhook');
    await page.goto(builder);
    await trigger.click();
    assert.equal(await url.textContent(), made.trigger.url);
    await page.getByText('Send one from a terminal').click();
    await button(page, 'Rotate').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
    await page.getByText('There is a new Trigger URL').waitFor();
    const now = (await p.ok('GET', `/api/v1/app/${app.id}/automation/${made.id}`)).trigger.url;
    assert.notEqual(now, made.trigger.url);
    assert.equal(await url.textContent(), now);
    assert.ok((await page.getByRole('group', { name: 'A sample request' }).textContent()).includes(now));
    await trigger.click();
    await url.waitFor({ state: 'detached' });
    await trigger.click();
    assert.equal(await url.textContent(), now);
    await textbox(page, 'Name').fill('Orders');
    await button(page, 'Save draft').click();
    await page.getByRole('heading', { name: 'Orders' }).waitFor();
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('in a long flow it is seen that something was not saved; a time keeps the focus while it is typed', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const steps = [...purchase, ...Array.from({ length: 20 }, (_, i) => ({ id: `s${i}`, type: 'set', set: { a: 'b' } }))];
    const { page, builder } = await begin({ steps, colorScheme: 'dark' });
    await page.goto(builder);
    await page.getByRole('button', { name: /^Step 2 / }).click();
    const time = textbox(page, 'Wait for');
    await time.press('Control+a');
    await page.keyboard.type('1.5h');
    assert.equal(await time.inputValue(), '1.5h');
    await time.press('Control+a');
    await page.keyboard.press('Delete');
    await page.keyboard.type('3');
    assert.equal(await time.inputValue(), '3');
    assert.equal(await page.getByLabel('Wait for: unit').inputValue(), 'd');
    await page.route('**/automation/*', (route) => (route.request().method() === 'PUT' ? route.abort() : route.continue()));
    await page.getByRole('button', { name: /^Step 20 / }).scrollIntoViewIfNeeded();
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    await button(page, 'Save draft').click();
    const seen = page.getByRole('alert').filter({ hasText: 'cannot be reached' });
    await seen.waitFor();
    const { y } = await seen.boundingBox();
    assert.ok(y >= 0 && y < page.viewportSize().height, `it is at ${y}`);
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('the page of a record shows what automations do to it, while they do', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const steps = [purchase[0], { id: 'tag', type: 'add_tag', target: '{{ steps.contact.id }}', tag: 'Customer' }];
    const { p, app, made, page, base } = await begin({ steps });
    await p.ok('POST', `/api/v1/app/${app.id}/automation/${made.id}/publish`);
    const record = await p.ok('POST', `/api/v1/app/${app.id}/record/contact`, { data: { email: 'ada@example.com' } });
    await page.goto(`${base}/records/contact/${record.id}`);
    await step('a tag that came meanwhile is seen at once', async () => {
        await button(page, 'Edit').click();
        await textbox(page, 'Data').fill('{"email": "ada@example.com", "name": "Ada"}');
        assert.equal((await p.api('POST', new URL(made.trigger.url).pathname, { email: 'ada@example.com' }, { token: null })).status, 202);
        await page.locator('.badge', { hasText: 'Customer' }).waitFor();
        assert.match(await textbox(page, 'Data').inputValue(), /"Ada"/);
        await button(page, 'Cancel').click();
        await page.getByText('tags: [] → ["Customer"]').waitFor();
    });
    await step('filters that are cleared are empty', async () => {
        await page.goto(`${base}/records/contact`);
        const search = page.getByRole('searchbox', { name: 'Search', exact: true });
        await search.fill('nobody');
        await page.keyboard.press('Enter');
        await page.getByText('No record fits.').waitFor();
        await button(page, 'Clear filters').click();
        await page.getByRole('link', { name: 'ada@example.com' }).waitFor();
        assert.equal(await search.inputValue(), '');
    });
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('a file that was changed after it was chosen is chosen once more', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { page, base } = await begin();
    const folder = mkdtempSync(join(tmpdir(), 'postrider-import-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'people.csv');
    writeFileSync(file, 'email,name\nada@example.com,Ada\n');
    await page.goto(`${base}/records/contact/import`);
    const input = page.getByLabel('File to import');
    await input.setInputFiles(file);
    await button(page, 'Check the file').click();
    await page.getByText('Every row fits').waitFor();
    writeFileSync(file, 'email,name\nada@example.com,Ada\ngrace@example.com,Grace\n');
    await button(page, 'Check the file').click();
    await page.getByText('it was changed, or is gone').waitFor();
    assert.equal(await input.inputValue(), '', 'the same file can be chosen');
    await input.setInputFiles(file);
    await button(page, 'Check the file').click();
    await page.getByText('2 of 2 rows').waitFor();
    assert.equal(await page.getByText('The connection to the server is lost').count(), 0);
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('without a clipboard, as without HTTPS, copying works all the same, also in a dialog', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, made, page, builder } = await begin();
    assert.equal((await p.api('POST', new URL(made.trigger.url).pathname, { email: 'ada@example.com' }, { token: null })).status, 202);
    await page.addInitScript(() => {
        Object.defineProperty(navigator, 'clipboard', { value: undefined });
        document.addEventListener('copy', () => (globalThis.copied = document.activeElement.value));
    });
    await page.goto(builder);
    await button(page, 'Look at it').click();
    const copy = page.getByRole('dialog').getByRole('button', { name: 'Copy' });
    await copy.click();
    await page.getByRole('dialog').getByText('Copied').waitFor();
    assert.match(await page.evaluate(() => globalThis.copied), /ada@example\.com/);
    assert.ok(await copy.evaluate((el) => el === document.activeElement), 'the focus is where it was');
    await page.keyboard.press('Escape');
    await page.getByRole('group', { name: 'Variables' }).getByRole('button', { name: /^email/ }).click();
    await page.getByText('{{ trigger.body.email }} is copied').waitFor();
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});
