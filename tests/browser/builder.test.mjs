// SPDX-License-Identifier: Apache-2.0
// What the builder knows: the senders that the program knows, the sample that was chosen, what texts become.
import assert from 'node:assert/strict';
import { before } from 'node:test';
import { until } from '../e2e/lib/wait.mjs';
import { openPage, portal, setUp, step, test, violations, whyNot } from './lib.mjs';

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
    return answer.json;
}

// An automation with a Trigger URL and these steps, and a page that shows it.
async function built({ p, browser, origin }, steps = [], profile = 'myra') {
    const app = await p.app({ name: 'Lovelace Coaching', profile });
    const where = `/api/v1/app/${app.id}/automation`;
    const made = await p.ok('POST', where, { name: 'Purchases', trigger: { type: 'incoming_webhook' }, steps });
    const page = await openPage(browser, origin);
    await portal(page, p, app);
    const open = () => page.goto(`/portal/automations/${made.id}`);
    const stored = () => p.ok('GET', `${where}/${made.id}`);
    return { app, made, page, open, stored, url: made.trigger.url };
}

test('who may send: all that the program knows, and what each wants as a secret', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p } = all;
    const { data } = await p.ok('GET', '/api/v1/provider');
    const { page, open, stored } = await built(all);
    await open();
    const select = page.getByLabel('Who may send');
    await select.selectOption('telnyx');
    const offered = await select.locator('option').evaluateAll((list) => list.map((o) => o.value));
    assert.deepEqual(data.map((d) => d.name).filter((name) => !offered.includes(name)), []);
    assert.equal(new Set(offered).size, offered.length);
    const texts = await select.locator('optgroup[label="Known senders"] option').allTextContents();
    assert.deepEqual(texts, [...texts].sort((a, b) => a.localeCompare(b)));
    await page.getByLabel('Public key', { exact: true }).waitFor();
    await select.selectOption('header');
    assert.equal(await textbox(page, 'Name of the header (optional)').getAttribute('placeholder'), 'X-Webhook-Token');
    await select.selectOption('vapi');
    await page.getByLabel('Token', { exact: true }).fill('hush hush');
    await page.getByText('It is named here once the draft is saved.').waitFor();
    assert.deepEqual(await violations(page), []);
    await button(page, 'Save draft').click();
    await page.getByText('The draft is saved.', { exact: true }).waitFor();
    assert.equal((await stored()).trigger.verify.profile, 'vapi');
    await select.selectOption('github');
    await page.getByLabel('Secret', { exact: true }).fill('hush hush');
    await button(page, 'Save draft').click();
    await page.getByText('Now: header x-github-delivery.').waitFor();
    await select.selectOption('');
    await page.getByText('Of this sender nothing is known: each request starts a run.').waitFor();
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('a sample that is older than the last ten requests is still chosen, and another can be', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p } = all;
    const { app, made, page, open, url } = await built(all, [{ id: 'tag', type: 'add_tag', target: '{{ trigger.body.email }}', record: 'contact', tag: '{{ trigger.body.order }}' }]);
    const first = await post(p, url, '{"email":"first@example.com","order":820982911946154508}');
    await p.ok('POST', `/api/v1/app/${app.id}/automation/${made.id}/sample/${first.id}/use`);
    for (let i = 1; i <= 12; i++) await post(p, url, { email: `later${i}@example.com`, order: i });
    await open();
    await page.getByRole('button', { name: /^Step 1/ }).click();
    const shown = (text) => page.locator('.preview-value', { hasText: text }).waitFor();
    await shown('first@example.com');
    const sample = page.getByLabel('Sample', { exact: true });
    assert.equal(await sample.inputValue(), first.id);
    assert.equal(await sample.locator('option').count(), 11);
    await button(page, 'Look at it').click();
    await page.getByRole('dialog', { name: 'Sample request' }).getByText('820982911946154508').waitFor();
    await button(page.getByRole('dialog'), 'Close').click();
    await sample.selectOption({ index: 0 });
    await shown('later12@example.com');
    await until('the old one is listed no more', async () => (await sample.locator('option').count()) === 10);
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('bodies of requests: what is sent as JSON is shown as JSON, and each text of a JSON body by itself', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p } = all;
    const { page, open, stored, url } = await built(all, [
        { id: 'request', type: 'http_request', method: 'POST', url: 'https://example.com/', headers: { 'content-type': 'application/json; charset=utf-8' }, body: '{"name": "{{ trigger.body.name }}", "order": {{ trigger.body.order }}}' },
    ]);
    await post(p, url, '{"name":"Ada \\"the\\" Countess","order":{"id":820982911946154508}}');
    await open();
    await page.getByRole('button', { name: /^Step 1/ }).click();
    const preview = page.locator('.preview', { hasText: 'Preview' });
    const value = page.locator('.preview-value');
    await step('long numbers keep their digits', async () => {
        await page.getByRole('group', { name: 'Variables', exact: true }).getByTitle('trigger.body.order.id').getByText('820982911946154508').waitFor();
        await button(page, 'Test run').click();
        const dialog = page.getByRole('dialog', { name: 'Test run' });
        await dialog.getByText('Details').click();
        await dialog.getByText('820982911946154508').waitFor();
        await button(dialog, 'Close').click();
    });
    await step('a text with a Content-Type of JSON', async () => {
        await value.filter({ hasText: '{"name": "Ada \\"the\\" Countess", "order": {"id":820982911946154508}}' }).waitFor();
        await preview.getByText('JSON', { exact: true }).waitFor();
        await textbox(page, 'Body as text').fill('{"name": "{{ trigger.body.name }}" "order": 1}');
        await page.getByText('With this sample it is no JSON').waitFor();
        await textbox(page, 'Body as text').fill('{{ trigger.body.order }}');
        await page.locator('.preview-type', { hasText: 'object' }).waitFor();
    });
    await step('a text with a Content-Type of XML', async () => {
        await textbox(page, 'Value of content-type').fill('text/xml; charset=utf-8');
        await textbox(page, 'Body as text').fill('<name>{{ trigger.body.name }}</name>');
        await value.filter({ hasText: '<name>Ada &quot;the&quot; Countess</name>' }).waitFor();
        await page.getByText('Content-Type says XML: values are escaped.').waitFor();
    });
    await step('a text without it', async () => {
        await textbox(page, 'Value of content-type').fill('text/plain');
        await textbox(page, 'Body as text').fill('Hello {{ trigger.body.name }}');
        await value.filter({ hasText: 'Hello Ada "the" Countess' }).waitFor();
        await page.getByText('Sent as plain text unless a header Content-Type says something else.').waitFor();
    });
    await step('the texts of a JSON body; a variable becomes a string of it', async () => {
        await page.getByRole('group', { name: 'Body: form' }).getByRole('button', { name: 'JSON' }).click();
        await textbox(page, 'Body as JSON').fill('{"customer": {"name": }, "list": ["{{ trigger.body.order.id }}"]}');
        await textbox(page, 'Body as JSON').evaluate((field) => field.setSelectionRange(22, 22));
        await page.getByRole('group', { name: 'Variables', exact: true }).getByTitle('trigger.body.name', { exact: true }).click();
        assert.equal(await textbox(page, 'Body as JSON').inputValue(), '{"customer": {"name": "{{ trigger.body.name }}"}, "list": ["{{ trigger.body.order.id }}"]}');
        await preview.filter({ hasText: 'customer.name' }).getByText('Ada "the" Countess').waitFor();
        await preview.filter({ hasText: 'list.0' }).getByText('820982911946154508').waitFor();
        assert.deepEqual(await violations(page), []);
        await button(page, 'Save draft').click();
        await page.getByText('The draft is saved.', { exact: true }).waitFor();
        assert.deepEqual((await stored()).steps[0].body, { customer: { name: '{{ trigger.body.name }}' }, list: ['{{ trigger.body.order.id }}'] });
    });
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('the parts of a condition can be read, also when it is the only one and on a phone', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { page, open } = await built(all, [{ id: 'branch', type: 'branch', branches: [{ when: { value: '{{ trigger.body.total }}', starts_with: '100' }, steps: [] }] }]);
    for (const width of [360, 1440]) {
        await page.setViewportSize({ width, height: 800 });
        await open();
        await page.getByRole('button', { name: /^Step 1/ }).click();
        for (const part of [page.getByLabel('Comparison of condition 1'), textbox(page, 'Value of condition 1'), textbox(page, 'Compared with, condition 1')]) {
            const box = await part.boundingBox();
            assert.ok(box.width >= 140, `${width}: ${await part.getAttribute('aria-label')} is ${box.width} wide`);
        }
    }
    await page.context().close();
});

test('steps change places by keyboard and keep the focus; into the ways of a branch and out of them', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const say = (id) => ({ id, type: 'set', name: id.toUpperCase(), set: { [id]: '1' } });
    const { page, open, stored } = await built(all, [say('a'), { id: 'branch', type: 'branch', branches: [{ when: { value: '1', eq: '1' }, steps: [say('b')] }] }, say('c')]);
    await open();
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
    const ids = (steps) => steps.map((s) => (s.type === 'branch' ? { if: ids(s.branches[0].steps), else: ids(s.else ?? []) } : s.id));
    const saved = async (expected) => {
        await button(page, 'Save draft').click();
        await until('it is saved', async () => JSON.stringify(ids((await stored()).steps)) === JSON.stringify(expected));
    };
    await step('up and down', async () => {
        await button(page, 'Move A down').focus();
        await page.keyboard.press('Enter');
        await until('the focus goes along', async () => (await focused()) === 'Move A down');
        await page.getByText('A is number 2 of 3 now.').waitFor();
        await page.keyboard.press('Enter');
        await until('at the end it is on a button that works', async () => /^Move A (up|elsewhere)$/.test(await focused()));
        await saved([{ if: ['b'], else: [] }, 'c', 'a']);
    });
    await step('into a way', async () => {
        await button(page, 'Move C elsewhere').focus();
        await page.keyboard.press('Enter');
        await page.getByText('Choose where “C” goes.').waitFor();
        assert.deepEqual(await violations(page), []);
        await page.getByRole('group', { name: 'Step 1, otherwise' }).getByRole('button', { name: 'Move C here' }).focus();
        await page.keyboard.press('Enter');
        await until('the focus goes along', async () => (await focused()) === 'Move C elsewhere');
        await saved([{ if: ['b'], else: ['c'] }, 'a']);
    });
    await step('out of one, and not into itself', async () => {
        await button(page, 'Move Branch elsewhere').click();
        assert.equal(await page.getByRole('group', { name: 'Step 1, way 1' }).getByRole('button', { name: 'Move Branch here' }).count(), 0);
        await page.keyboard.press('Escape');
        await button(page, 'Move Branch here').waitFor({ state: 'detached' });
        await button(page, 'Move B elsewhere').click();
        await button(page, 'Move B here').last().click();
        await saved([{ if: [], else: ['c'] }, 'a', 'b']);
    });
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('a workspace without types of records says so where one is wanted', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { page, open } = await built(all, [{ id: 'contact', type: 'upsert_record', record: 'contact', set: { email: '{{ trigger.body.email }}' } }], 'standard');
    const why = /^Types of records come with the profile of the workspace/;
    await page.goto('/portal/records');
    await page.getByText('This workspace has no types of records').waitFor();
    await page.getByText(why).waitFor();
    assert.deepEqual(await violations(page), []);
    await open();
    await page.getByRole('button', { name: /^Step 1 Create or update contact/ }).click();
    await page.getByText(why).waitFor();
    const type = page.getByLabel('Type of record', { exact: true });
    assert.deepEqual(await type.locator('option').allTextContents(), ['Choose a type…']);
    await button(page, 'Publish').click();
    await until('the type is what is wrong', async () => (await type.getAttribute('aria-invalid')) === 'true');
    await page.getByText(/There is no type of records "contact" in this workspace/).waitFor();
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});
