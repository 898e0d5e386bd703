// SPDX-License-Identifier: Apache-2.0
// Automations in the console, built as a marketer builds them.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { openPage, portal, setUp, step, violations, whyNot } from './lib.mjs';

let all;
before(async (t) => {
    all = await setUp(t);
    all.skip = await whyNot(all.p);
});

test('an automation is made, found, and deleted', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Contoso', profile: 'myra' });
    const page = await openPage(browser, origin);
    await portal(page, p, app);
    await step('an empty list says what to do', async () => {
        await page.getByRole('link', { name: 'Automations' }).click();
        await page.getByText('No automations yet').waitFor();
        assert.deepEqual(await violations(page), []);
    });
    await step('a name is needed', async () => {
        await page.getByRole('link', { name: 'New Automation' }).click();
        await page.getByRole('button', { name: 'Create Automation' }).click();
        await page.getByText('Give it a name.').waitFor();
        assert.deepEqual(await violations(page), []);
        await page.getByLabel('Name').fill('Purchases');
        await page.getByLabel('Incoming Webhook').check();
        await page.getByRole('button', { name: 'Create Automation' }).click();
        await page.getByRole('heading', { name: 'Purchases' }).waitFor();
        assert.match(await page.getByLabel('Trigger URL').innerText(), /\/v1\/webhooks\/in\/\w{32}$/);
        assert.deepEqual(await violations(page), []);
    });
    await step('deleted', async () => {
        await page.getByRole('button', { name: 'Delete' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
        await page.getByText('No automations yet').waitFor();
    });
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});
