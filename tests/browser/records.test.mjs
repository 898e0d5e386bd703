// SPDX-License-Identifier: Apache-2.0
// Records in the console: written, found, tagged, remembered.
import assert from 'node:assert/strict';
import { before } from 'node:test';
import { openPage, portal, setUp, step, test, violations, whyNot } from './lib.mjs';

let all;
before(async (t) => {
    all = await setUp(t);
    all.skip = await whyNot(all.p);
});

test('a contact is made, found, changed, tagged and deleted', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Contoso', profile: 'myra' });
    const page = await openPage(browser, origin);
    await portal(page, p, app);
    await step('an empty list', async () => {
        await page.getByRole('link', { name: 'Records' }).click();
        await page.getByRole('heading', { name: 'Contacts', exact: true }).waitFor();
        await page.getByText('No contacts yet').waitFor();
        assert.equal(await page.getByRole('searchbox').count(), 0, 'there is nothing to find');
    });
    await step('made, after what is wrong was said', async () => {
        await page.getByRole('button', { name: 'New record' }).click();
        await page.getByLabel('Data').fill('{"email": ');
        await page.getByRole('button', { name: 'Create' }).click();
        await page.getByText(/This is no JSON/).waitFor();
        await page.getByLabel('Data').fill('{"email": "ada@example.com", "order": 9007199254740993, "price": 1.10}');
        await page.getByRole('button', { name: 'Create' }).click();
        await page.getByRole('heading', { name: 'ada@example.com' }).waitFor();
        await page.getByText('9007199254740993').first().waitFor();
    });
    await step('tagged', async () => {
        await page.getByLabel('New tag').fill('Customer');
        await page.getByRole('button', { name: 'Add tag' }).click();
        await page.getByRole('button', { name: 'Remove tag Customer' }).waitFor();
    });
    await step('changed: numbers stay as they were, tags too, and the history says what', async () => {
        await page.getByRole('button', { name: 'Edit' }).click();
        const text = await page.getByRole('textbox', { name: 'Data' }).inputValue();
        assert.match(text, /"order": 9007199254740993,\n {2}"price": 1\.10\n/);
        await page.getByRole('textbox', { name: 'Data' }).fill(text.replace('"price"', '"name": "Ada", "price"'));
        await page.getByRole('button', { name: 'Save' }).click();
        await page.getByText('name: – → Ada').waitFor();
        await page.getByRole('button', { name: 'Remove tag Customer' }).waitFor();
        const stored = await p.api('GET', `/api/v1/app/${app.id}/record/contact/ada@example.com`);
        assert.match(stored.text, /"order":9007199254740993,"name":"Ada","price":1\.10/);
        assert.deepEqual(stored.json.tags, ['Customer']);
    });
    await step('an edit that was overtaken is not saved, and the next one is', async () => {
        const path = `/api/v1/app/${app.id}/record/contact/ada@example.com`;
        await page.getByRole('button', { name: 'Edit' }).click();
        const box = page.getByRole('textbox', { name: 'Data' });
        await box.fill((await box.inputValue()).replace('"Ada"', '"Mine"'));
        await p.ok('POST', `${path}/tag/Meanwhile`);
        await page.getByRole('button', { name: 'Save' }).click();
        await page.getByText(/Somebody else changed this record/).waitFor();
        assert.match(await box.inputValue(), /Mine/);
        const stored = await p.ok('GET', path);
        assert.deepEqual([stored.data.name, stored.tags], ['Ada', ['Customer', 'Meanwhile']]);
        await page.getByRole('button', { name: 'Cancel' }).click();
        await page.getByRole('button', { name: 'Remove tag Meanwhile' }).waitFor();
        await page.getByRole('button', { name: 'Edit' }).click();
        await box.fill((await box.inputValue()).replace('"Ada"', '"Countess"'));
        await page.getByRole('button', { name: 'Save' }).click();
        await page.getByText('name: Ada → Countess').waitFor();
        assert.deepEqual((await p.ok('GET', path)).tags, ['Customer', 'Meanwhile']);
    });
    await step('found by key and by tag', async () => {
        await p.ok('POST', `/api/v1/app/${app.id}/record/contact`, { data: { email: 'grace@example.com' } });
        await page.getByRole('navigation', { name: 'Breadcrumb' }).getByRole('link', { name: 'Contacts' }).click();
        await page.getByRole('link', { name: 'grace@example.com' }).waitFor();
        await page.getByRole('searchbox', { name: 'Tag' }).fill('Customer');
        await page.keyboard.press('Enter');
        await page.getByRole('link', { name: 'grace@example.com' }).waitFor({ state: 'detached' });
        await page.getByRole('link', { name: 'ada@example.com' }).waitFor();
        await page.getByRole('button', { name: 'Clear filters' }).click();
        await page.getByRole('searchbox', { name: /Find by/ }).fill('grace');
        await page.keyboard.press('Enter');
        await page.getByText('None has this email or id.').waitFor();
        await page.getByRole('searchbox', { name: /Find by/ }).fill('grace@example.com');
        await page.keyboard.press('Enter');
        await page.getByRole('link', { name: 'ada@example.com' }).waitFor({ state: 'detached' });
        assert.deepEqual(await violations(page), []);
        await page.getByRole('link', { name: 'grace@example.com' }).click();
    });
    await step('deleted', async () => {
        await page.getByRole('heading', { name: 'grace@example.com' }).waitFor();
        assert.deepEqual(await violations(page), []);
        await page.getByRole('button', { name: 'Delete' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
        await page.getByRole('link', { name: 'ada@example.com' }).waitFor();
        assert.equal((await p.api('GET', `/api/v1/app/${app.id}/record/contact/grace@example.com`)).status, 404);
    });
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('who may only look changes no record', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Fabrikam', profile: 'myra' });
    const made = await p.ok('POST', `/api/v1/app/${app.id}/record/contact`, { data: { email: 'ada@example.com' } });
    const page = await openPage(browser, origin);
    await portal(page, p, app, { readOnly: true });
    await page.goto(`/portal/records/contact/${made.id}`);
    await page.getByRole('heading', { name: 'ada@example.com' }).waitFor();
    for (const name of ['Edit', 'Delete', 'Add tag']) assert.equal(await page.getByRole('button', { name }).count(), 0);
    await page.context().close();
});

test('long words of others fit, on a phone too', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Wide World', profile: 'myra' });
    const A = `/api/v1/app/${app.id}`;
    const long = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft';
    await p.ok('POST', `${A}/record/contact`, { data: { email: `${long}@example.com`, name: 'Ada Lovelace of the Analytical Engine', note: long }, tags: ['Customer', long] });
    const made = await p.ok('POST', `${A}/automation`, { name: long, trigger: { type: 'incoming_webhook' }, steps: [] });
    const request = (await p.api('POST', new URL(made.trigger.url).pathname, { [long]: long }, { token: null })).json;
    for (const width of [360, 1280]) {
        const page = await openPage(browser, origin, { viewport: { width, height: 800 } });
        await portal(page, p, app);
        for (const path of ['records/contact', 'automations', `automations/${made.id}`, `automations/${made.id}/requests/${request.id}`]) {
            await page.goto(`/portal/${path}`);
            await page.getByRole('main').getByText(long).first().waitFor();
            assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, `${path} at ${width}`);
            if (path !== 'records/contact') continue;
            const data = await page.locator('td[data-label="Data"]').first().boundingBox();
            assert.ok(data.width > 200, `there is room for the data: ${data.width}`);
        }
        await page.context().close();
    }
});
