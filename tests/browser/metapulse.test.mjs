// SPDX-License-Identifier: Apache-2.0
// The help document of MetaPulse, step by step, as its customers would follow it.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { before } from 'node:test';
import { receiver } from '../e2e/lib/receiver.mjs';
import { openPage, patience, portal, setUp, step, test, whyNot } from './lib.mjs';

const objects = ['data_point', 'event', 'graph', 'knowledge_item', 'member', 'objective', 'position', 'team'];
const types = objects.flatMap((o) => ['created', 'deleted', 'updated'].map((verb) => `${o}.${verb}`));

let all;
before(async (t) => {
    all = await setUp(t);
    all.skip = await whyNot(all.p);
});

async function toWebhooks(page) {
    await page.getByRole('link', { name: 'Settings', exact: true }).click();
    await page.getByRole('button', { name: 'Northwind' }).click();
    await page.getByRole('link', { name: 'Webhooks', exact: true }).click();
    await page.getByRole('heading', { name: 'Webhooks', exact: true }).waitFor();
}

test('the help document of MetaPulse works word by word', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Northwind', profile: 'metapulse' });
    let failing = false;
    const r = await receiver(t, { answer: () => (failing ? { status: 503, body: 'down for maintenance' } : { status: 200, body: 'thanks' }) });
    const page = await openPage(browser, origin);
    await portal(page, p, app);

    await step('create an endpoint', async () => {
        await toWebhooks(page);
        await page.getByRole('link', { name: 'New Webhook Endpoint' }).click();
        await page.getByLabel('Name', { exact: true }).fill('Production');
        await page.getByLabel('Endpoint URL').fill(r.url());
        for (const type of types) await page.getByRole('checkbox', { name: type, exact: true }).waitFor();
        for (const type of ['team.created', 'team.updated', 'graph.updated']) await page.getByRole('checkbox', { name: type, exact: true }).check();
        await page.getByRole('button', { name: 'Create Webhook Endpoint' }).click();
        await page.getByRole('heading', { name: 'Production' }).waitFor();
        await page.getByText('No events yet').waitFor();
    });

    await step('events appear by themselves within two seconds', async () => {
        // The best of three: a hiccup of a busy machine is none of ours.
        const took = [];
        for (let n = 0; n < 3 && !(Math.min(...took) < 2000); n++) {
            const posted = Date.now();
            await p.send(app, 'graph.updated', { n });
            await page.getByRole('link', { name: 'graph.updated' }).nth(n).waitFor();
            took.push(Date.now() - posted);
        }
        assert.ok(Math.min(...took) < 2000 * patience, `${took.join(', ')} ms`);
        await p.send(app, 'team.created', { id: 'team_2', name: 'Sales' }, { actor: { type: 'user', id: 'u_1', name: 'Ada Lovelace' } });
        await page.getByRole('link', { name: 'team.created' }).waitFor();
        await p.send(app, 'member.created', { id: 'mem_1' });
        await page.getByRole('row').filter({ hasText: 'team.created' }).getByText('Sent').waitFor();
        assert.equal(await page.getByRole('link', { name: 'member.created' }).count(), 0);
    });

    await step('an event shows who, when, the data and its attempts', async () => {
        await page.getByRole('link', { name: 'team.created' }).click();
        await page.getByRole('heading', { name: 'team.created' }).waitFor();
        await page.getByText('Ada Lovelace').first().waitFor();
        await page.getByLabel('Data', { exact: true }).getByText('"Sales"').waitFor();
        await page.getByRole('button', { name: /First attempt/ }).click();
        await page.getByText('Response Status Code').waitFor();
        await page.getByText('200 OK').first().waitFor();
        await page.getByText('thanks').waitFor();
        await page.getByText(/MetaPulse-Signature/).waitFor();
    });

    await step('failures keep being tried and say why', async () => {
        failing = true;
        await p.send(app, 'team.updated', { id: 'team_2', name: 'Sales and more' });
        await toWebhooks(page);
        await page.getByRole('link', { name: 'Production' }).click();
        await page.getByRole('row').filter({ hasText: 'team.updated' }).getByText('Retrying').waitFor();
        await page.getByText(/next attempt in/).first().waitFor();
        await page.getByRole('link', { name: 'team.updated' }).click();
        await page.getByRole('button', { name: /First attempt/ }).click();
        await page.getByRole('heading', { name: 'Response Body' }).waitFor();
        await page.getByText('down for maintenance').waitFor();
        await page.getByText('503 Service Unavailable').first().waitFor();
    });

    await step('filter All, Sent, Failed; the filter is in the address', async () => {
        await toWebhooks(page);
        await page.getByRole('link', { name: 'Production' }).click();
        await page.getByRole('link', { name: 'team.updated' }).waitFor();
        await page.getByRole('button', { name: 'Sent', exact: true }).click();
        await page.getByRole('link', { name: 'team.updated' }).waitFor({ state: 'detached' });
        await page.getByRole('link', { name: 'team.created' }).waitFor();
        await page.getByRole('button', { name: 'Failed', exact: true }).click();
        await page.getByRole('link', { name: 'team.created' }).waitFor({ state: 'detached' });
        await page.getByRole('link', { name: 'team.updated' }).waitFor();
        await page.reload();
        await page.getByRole('link', { name: 'team.updated' }).waitFor();
        assert.equal(await page.getByRole('link', { name: 'team.created' }).count(), 0);
        await page.getByRole('button', { name: 'All', exact: true }).click();
        await page.getByRole('link', { name: 'team.created' }).waitFor();
    });

    let secret;
    await step('the secret is covered until Reveal, and verifies what came', async () => {
        assert.match(await page.getByLabel('Signing secret', { exact: true }).innerText(), /^•+$/);
        await page.getByRole('button', { name: 'Reveal' }).click();
        await page.getByRole('button', { name: 'Hide' }).waitFor();
        secret = await page.getByLabel('Signing secret', { exact: true }).innerText();
        const got = r.requests[0];
        const digest = createHmac('sha256', secret).update(`${got.headers['metapulse-request-timestamp']}.${got.body}`).digest('hex');
        assert.equal(digest, got.headers['metapulse-signature']);
        await page.getByRole('button', { name: 'How to verify' }).click();
        await page.getByRole('button', { name: 'Ruby' }).click();
        await page.getByText('MetaPulse-Request-Timestamp').waitFor();
        await page.keyboard.press('Escape');
    });

    await step('edit an endpoint', async () => {
        await toWebhooks(page);
        await page.getByRole('link', { name: 'Production' }).click();
        await page.getByRole('link', { name: 'Edit Endpoint' }).click();
        await page.getByLabel('Name', { exact: true }).fill('Production, Europe');
        await page.getByRole('button', { name: 'Update Webhook Endpoint' }).click();
        await page.getByRole('heading', { name: 'Production, Europe' }).waitFor();
    });

    await step('delete an endpoint', async () => {
        await page.getByRole('link', { name: 'Edit Endpoint' }).click();
        await page.getByRole('button', { name: 'Delete Endpoint' }).click();
        const dialog = page.getByRole('dialog');
        await dialog.getByText(/receives nothing any more/).waitFor();
        await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
        await page.getByText('No endpoints yet').waitFor();
    });
    assert.deepEqual(page.wrongs, []);
});
