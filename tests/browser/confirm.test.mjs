// SPDX-License-Identifier: Apache-2.0
// The password once more, where a secret is asked for at a browser that was left alone.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { before } from 'node:test';
import { receiver } from '../e2e/lib/receiver.mjs';
import { openPage, password, portal, setUp, signUp, test, whyNot } from './lib.mjs';

let all;
before(async (t) => {
    all = await setUp(t);
    all.skip = await whyNot(all.p);
});

test('reveal and rotate ask for the password, and go on', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Northwind', profile: 'myra' });
    const endpoint = await p.endpoint(app, 'http://127.0.0.1:9/', { name: 'Production' });
    const page = await openPage(browser, origin);
    await signUp(page, p);
    execFileSync('sqlite3', [join(p.dir, 'postrider.db'), '.timeout 5000', "UPDATE object SET body = json_set(CAST(body AS TEXT), '$.confirmedAt', '2026-01-01T00:00:00Z') WHERE kind = 14"]);
    await page.goto(`/app/${app.id}/webhooks/${endpoint.id}`);
    await page.getByRole('button', { name: 'Reveal' }).click();
    const ask = page.getByRole('dialog', { name: 'Is it you?' });
    await ask.getByLabel('Password').waitFor();
    await ask.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('This needs your password once more.').waitFor();
    assert.match(await page.getByLabel('Signing secret', { exact: true }).textContent(), /^•+$/);

    await page.getByRole('button', { name: 'Rotate' }).click();
    await page.getByRole('dialog', { name: /Rotate/ }).getByRole('button', { name: 'Rotate' }).click();
    await ask.getByLabel('Password').fill('something else');
    await ask.getByRole('button', { name: 'Continue' }).click();
    await ask.getByText('The password is wrong.').waitFor();
    await ask.getByLabel('Password').fill(password);
    await ask.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('There is a new signing secret.').waitFor();
    assert.equal(await page.getByRole('dialog').count(), 0);
    await page.getByRole('button', { name: 'Reveal' }).click();
    const secret = await p.secret(app, endpoint);
    await page.getByText(secret, { exact: true }).waitFor();
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('a visitor of the portal follows a recovery to its end; an event is found by the id that receivers see', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Contoso', profile: 'myra' });
    let failing = true;
    const r = await receiver(t, { answer: () => (failing ? 500 : 200) });
    const endpoint = await p.endpoint(app, r.url(), { name: 'CRM', retrySchedule: [] });
    const sent = [];
    for (let i = 0; i < 3; i++) sent.push(await p.send(app, 'contact.created', { i }));
    for (const message of sent) await p.attempted(app, message, 1);
    failing = false;
    const page = await openPage(browser, origin);
    await portal(page, p, app);
    await page.goto('/portal/logs');
    await page.getByRole('button', { name: 'Recover failed events' }).click();
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByRole('dialog').getByText('Done', { exact: true }).waitFor();
    await page.getByRole('dialog').getByText('3 sent again').waitFor();
    await page.goto(`/portal/webhooks/${endpoint.id}`);
    await page.getByRole('row').nth(3).waitFor();
    await page.getByRole('searchbox', { name: 'Find by event id' }).fill(sent[1].eventUuid);
    await page.keyboard.press('Enter');
    await page.getByRole('row').nth(2).waitFor({ state: 'detached' });
    await page.getByText(sent[1].eventUuid).waitFor();
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});
