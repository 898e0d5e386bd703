// SPDX-License-Identifier: Apache-2.0
// Automations in the console, built by clicking as a marketer builds them; and what they do then.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { before } from 'node:test';
import { receiver } from '../e2e/lib/receiver.mjs';
import { readLetter, Relay } from '../e2e/lib/smtp.mjs';
import { until } from '../e2e/lib/wait.mjs';
import { openPage, portal, setUp, step, test, violations, whyNot } from './lib.mjs';

let all;
before(async (t) => {
    const relay = await new Relay().start();
    t.after(() => relay.stop());
    all = { ...(await setUp(t, { settings: { SMTP_URL: relay.url, SMTP_FROM: 'Shop <shop@example.com>' } })), relay };
    all.skip = await whyNot(all.p);
});

const button = (page, name) => page.getByRole('button', { name, exact: true });
const textbox = (page, name) => page.getByRole('textbox', { name, exact: true });

async function create(page, name, trigger) {
    await page.getByRole('link', { name: 'Automations' }).first().click();
    await page.getByRole('link', { name: 'New Automation' }).click();
    await page.getByLabel('Name').fill(name);
    await page.getByLabel(trigger).check();
    await button(page, 'Create Automation').click();
    await page.getByRole('heading', { name }).waitFor();
}

async function add(page, kind, where = page) {
    await where.getByRole('button', { name: 'Add step', exact: true }).last().click();
    await page.getByRole('dialog').getByRole('button', { name: new RegExp(`^${kind}`) }).click();
}

// Through the picker of the field.
async function choose(page, field, path) {
    await button(page, `Insert a variable into ${field}`).click();
    await page.getByRole('dialog', { name: 'Variables' }).getByTitle(path, { exact: true }).click();
}

async function post(p, url, body) {
    const answer = await p.api('POST', new URL(url).pathname, body, { token: null });
    assert.equal(answer.status, 202, answer.text);
    return answer.json;
}

const purchase = (id, email, name) => ({ id, customer: { email, name }, total: '49.90' });

test('a purchase creates the contact, tags it and starts the sequence, all of it built by clicking', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin, relay } = all;
    const app = await p.app({ name: 'Lovelace Coaching', profile: 'myra' });
    const hook = await receiver(t);
    const endpoint = await p.endpoint(app, hook.url(), { filterTypes: ['contact.created'] });
    const page = await openPage(browser, origin, { permissions: ['clipboard-read', 'clipboard-write'] });
    await portal(page, p, app);
    await step('the sequence', async () => {
        await create(page, 'Post-Purchase Review', 'Started by another automation');
        await add(page, 'Wait');
        await textbox(page, 'Wait for').fill('2');
        await page.getByLabel('Wait for: unit').selectOption('seconds');
        await add(page, 'Send email');
        assert.equal(await textbox(page, 'To').inputValue(), '{{ contact.email }}');
        await textbox(page, 'Subject').fill('How do you like it, ');
        await choose(page, 'Subject', 'contact.name');
        await textbox(page, 'Text').fill('Hello {{ contact.name | default: "you" }}, tell us.');
        await page.getByText('Hello Ada Lovelace, tell us.').waitFor();
        assert.deepEqual(await violations(page), []);
        await button(page, 'Publish').click();
        await page.getByText('Published: other automations can start it.').waitFor();
    });
    let url;
    await step('the Trigger URL, and a sample that appears by itself', async () => {
        await create(page, 'Purchases', 'Incoming Webhook');
        await page.getByText('Waiting for a first request…').waitFor();
        assert.deepEqual(await violations(page), []);
        await button(page, 'Copy').first().click();
        await page.getByText('Copied').first().waitFor({ state: 'attached' });
        url = await page.evaluate(() => navigator.clipboard.readText());
        assert.equal(url, await page.getByLabel('Trigger URL').innerText());
        assert.deepEqual(Object.keys(await post(p, url, purchase(1, 'Sample@Example.com', 'Sam Sample'))), ['id', 'captured']);
        await page.getByRole('group', { name: 'Request' }).getByTitle('trigger.body.customer.email').waitFor();
        await page.getByText('A request came in. Its 5 keys are Variables now').waitFor();
        assert.equal(await page.getByText('Waiting for a first request…').count(), 0);
    });
    await step('the steps, with variables from the sample', async () => {
        await add(page, 'Create or update record');
        await choose(page, 'Value of email', 'trigger.body.customer.email');
        await page.getByText('Sample@Example.com', { exact: true }).first().waitFor();
        const email = textbox(page, 'Value of email');
        await email.fill((await email.inputValue()).replace(' }}', ' | lower }}'));
        await page.locator('.preview-value', { hasText: 'sample@example.com' }).waitFor();
        await textbox(page, 'Value of name').click();
        await page.getByRole('group', { name: 'Variables', exact: true }).getByTitle('trigger.body.customer.name').click();
        await page.locator('.preview-value', { hasText: 'Sam Sample' }).waitFor();
        await add(page, 'Add tag');
        await textbox(page, 'Tag').fill('Customer');
        await add(page, 'Start sequence');
        await page.getByLabel('Sequence', { exact: true }).selectOption({ label: 'Post-Purchase Review' });
        assert.equal(await page.getByLabel('When it runs for this record already').inputValue(), 'ignore');
        assert.deepEqual(await violations(page), []);
    });
    await step('a test run says what would be done, and does nothing', async () => {
        await button(page, 'Test run').click();
        const dialog = page.getByRole('dialog', { name: 'Test run' });
        for (const text of ['Would create the contact sample@example.com', 'Would add the tag “Customer”', 'Would start “Post-Purchase Review”']) await dialog.getByText(text).waitFor();
        assert.deepEqual(await violations(page), []);
        await button(dialog, 'Close').click();
        assert.deepEqual((await p.ok('GET', `/api/v1/app/${app.id}/record/contact`)).data, []);
    });
    await step('published', async () => {
        await button(page, 'Publish').click();
        await page.getByText('Published: it is on from now on.').waitFor();
        await page.getByText('Published', { exact: true }).waitFor();
    });
    await step('the next purchase does all of it; one by the same person meanwhile does not start the sequence again', async () => {
        const first = relay.letters.length;
        await post(p, url, purchase(2, 'Grace@Example.com', 'Grace Hopper'));
        const [told] = await hook.arrived(1);
        const secret = await p.secret(app, endpoint);
        assert.equal(told.headers['x-pulsepost-signature'], createHmac('sha256', secret).update(told.body).digest('hex'));
        const { event_type: type, data } = JSON.parse(told.body);
        assert.deepEqual([type, data.email, data.name], ['contact.created', 'grace@example.com', 'Grace Hopper']);
        const contact = () => p.api('GET', `/api/v1/app/${app.id}/record/contact/grace@example.com`);
        await until('it is tagged', async () => (await contact()).json.tags?.includes('Customer'));
        const automations = (await p.ok('GET', `/api/v1/app/${app.id}/automation`)).data;
        const runs = async (name) => (await p.ok('GET', `/api/v1/app/${app.id}/automation/${automations.find((a) => a.name === name).id}/run`)).data;
        await until('the sequence waits', async () => (await runs('Post-Purchase Review'))[0]?.status === 'waiting');
        await post(p, url, purchase(3, 'grace@example.com', 'Grace Hopper'));
        await until('both are done', async () => (await runs('Purchases')).filter((r) => r.status === 'done').length === 2);
        await until('a letter', () => relay.letters.length > first);
        const letter = relay.letters[first];
        assert.deepEqual(letter.to, ['grace@example.com']);
        const { headers, text } = readLetter(letter.raw);
        assert.equal(headers.subject, 'How do you like it, Grace Hopper');
        assert.match(text, /Hello Grace Hopper, tell us\./);
        const [review] = await runs('Post-Purchase Review');
        assert.ok(Date.parse(review.endedAt) - Date.parse(review.startedAt) >= 2000, JSON.stringify(review));
        assert.equal((await runs('Post-Purchase Review')).length, 1, 'the second purchase leaves the run alone');
        assert.equal(hook.count, 1);
    });
    await step('the list says so', async () => {
        await page.getByRole('link', { name: 'Automations' }).first().click();
        const row = page.getByRole('row', { name: /Purchases/ });
        await row.getByRole('link', { name: /Done/ }).waitFor();
        await row.getByRole('cell', { name: '2', exact: true }).getByRole('link').waitFor();
        await row.getByText('Published').waitFor();
        assert.deepEqual(await violations(page), []);
    });
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('what does not fit is said where it is; nothing is lost; drafts and what is published are told apart', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Contoso', profile: 'myra' });
    const page = await openPage(browser, origin);
    await portal(page, p, app);
    await step('an empty list says what to do, and a name is needed', async () => {
        await page.getByRole('link', { name: 'Automations' }).click();
        await page.getByText('No automations yet').waitFor();
        assert.deepEqual(await violations(page), []);
        await page.getByRole('link', { name: 'New Automation' }).click();
        await button(page, 'Create Automation').click();
        await page.getByText('Give it a name.').waitFor();
        assert.deepEqual(await violations(page), []);
        await create(page, 'Purchases', 'Incoming Webhook');
    });
    await step('who may send: a secret is asked for, kept, and never shown', async () => {
        await page.getByLabel('Who may send').selectOption({ label: 'Shopify' });
        await button(page, 'Save draft').click();
        await page.getByText('Without the secret every request would be refused.').waitFor();
        await page.getByLabel('Secret', { exact: true }).fill('hush hush');
        await button(page, 'Save draft').click();
        await page.getByText('The draft is saved.', { exact: true }).waitFor();
        assert.equal(await page.getByLabel('Secret', { exact: true }).inputValue(), '');
        await page.getByText('Leave it empty to keep the one that is there.').waitFor();
        assert.equal((await page.content()).includes('hush hush'), false);
        await page.getByText('Now: header x-shopify-webhook-id.').waitFor();
        await page.getByLabel('What tells a repeated request').selectOption('body');
        await page.getByLabel('Field', { exact: true }).fill('order.');
        await button(page, 'Save draft').click();
        await page.getByText(/must be a path in the body/i).waitFor();
        await page.getByLabel('Field', { exact: true }).fill('order.id');
    });
    await step('what the server refuses stands at its field', async () => {
        await add(page, 'Add tag');
        await button(page, 'Save draft').click();
        await page.getByText('Enter the tag.').waitFor();
        await textbox(page, 'Tag').fill('{{ trigger.body.vip | shout }}');
        await page.locator('.preview.bad', { hasText: 'shout' }).waitFor();
        await button(page, 'Save draft').click();
        await page.locator('.field-error', { hasText: 'shout' }).waitFor();
        await page.getByText('Not saved: one thing needs a look.').waitFor();
        assert.deepEqual(await violations(page), []);
        await textbox(page, 'Tag').fill('vip');
        await button(page, 'Save draft').click();
        await page.getByText('Not saved yet').waitFor({ state: 'detached' });
    });
    await step('branches with steps of their own; reordered and removed', async () => {
        await add(page, 'Branch');
        await button(page, 'Save draft').click();
        await page.getByText('Say when this way is taken.').waitFor();
        await textbox(page, 'Value of condition 1').fill('{{ trigger.body.total }}');
        await page.getByLabel('Comparison of condition 1').selectOption('gt');
        await textbox(page, 'Compared with, condition 1').fill('100');
        await button(page, 'Add group').click();
        await textbox(page, 'Value of condition 1').last().fill('{{ trigger.body.country }}');
        await page.getByLabel('Comparison of condition 1').last().selectOption('in');
        await textbox(page, 'Compared with, condition 1').last().fill('de, at');
        const way = page.getByRole('group', { name: 'Step 2, way 1' });
        await add(page, 'Set variables', way);
        await textbox(page, 'Name 1').fill('large');
        await textbox(page, 'Value of large').fill('{{ true }}');
        await add(page, 'HTTP request', page.getByRole('group', { name: 'Step 2, otherwise' }));
        await textbox(page, 'URL').fill('https://example.com/{{ trigger.body.id }}');
        await button(page, 'Move Branch up').click();
        await button(page, 'Save draft').click();
        await until('it is saved', async () => (await p.ok('GET', `/api/v1/app/${app.id}/automation`)).data[0].steps[0].type === 'branch');
        const [made] = (await p.ok('GET', `/api/v1/app/${app.id}/automation`)).data;
        assert.deepEqual(made.steps, [
            {
                id: 'branch',
                type: 'branch',
                branches: [
                    {
                        when: { all: [{ value: '{{ trigger.body.total }}', gt: '100' }, { value: '{{ trigger.body.country }}', in: ['de', 'at'] }] },
                        steps: [{ id: 'vars', type: 'set', set: { large: '{{ true }}' } }],
                    },
                ],
                else: [{ id: 'request', type: 'http_request', method: 'POST', url: 'https://example.com/{{ trigger.body.id }}' }],
            },
            { id: 'tag', type: 'add_tag', target: '{{ contact.id }}', tag: 'vip' },
        ]);
        assert.equal(made.trigger.dedupe, 'body:order.id');
        assert.deepEqual(await violations(page), []);
        await button(page, 'Remove Branch').click();
        await page.getByText('The 2 steps in it go too.').waitFor();
        await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
        assert.equal(await page.getByText('Way 1').count(), 0);
    });
    await step('what cannot work is saved, but not published; a test says so too', async () => {
        await add(page, 'HTTP request');
        await textbox(page, 'URL').fill('http://10.1.2.3/{{ trigger.body.id }}');
        await button(page, 'Publish').click();
        await page.getByText('Not published, but saved: one thing needs a look.').waitFor();
        await page.locator('.field-error', { hasText: 'private network' }).waitFor();
        assert.deepEqual(await violations(page), []);
        await button(page, 'Test run').click();
        await page.getByRole('dialog').getByText('It cannot be published like this').waitFor();
        await page.getByRole('dialog').getByRole('listitem').filter({ hasText: /HTTP request: url: .*private network/ }).first().waitFor();
        assert.deepEqual(await violations(page), []);
        await page.keyboard.press('Escape');
        await page.locator('.field-error', { hasText: 'private network' }).waitFor();
        await button(page, 'Remove HTTP request').click();
        assert.equal(await page.locator('.field-error').count(), 0);
        await button(page, 'Save draft').click();
        await until('it is saved without it', async () => (await p.ok('GET', `/api/v1/app/${app.id}/automation`)).data[0].steps.length === 1);
    });
    await step('published, changed, paused, on again', async () => {
        await button(page, 'Publish').click();
        await page.getByText('Published: it is on from now on.').waitFor();
        await page.getByRole('button', { name: /^Step 1 Add tag/ }).click();
        await textbox(page, 'Tag').fill('VIP');
        await page.getByText('Not saved yet').waitFor();
        await button(page, 'Save draft').click();
        await page.getByText('What is published stays as it is until you publish.').waitFor();
        await page.getByText('with a draft').waitFor();
        await button(page, 'Pause').click();
        await page.getByText('Paused', { exact: true }).waitFor();
        await button(page, 'Resume').click();
        await page.getByText('Published', { exact: true }).waitFor();
    });
    await step('versions: what differs, and a way back', async () => {
        await page.getByRole('link', { name: 'Versions' }).click();
        await page.getByText('tag: vip → VIP').waitFor();
        assert.deepEqual(await violations(page), []);
        await button(page, 'Restore version 1').click();
        await button(page, 'Restore as draft').click();
        await page.getByText('It is the draft now.').waitFor();
        await page.getByRole('button', { name: /^Step 1 Add tag/ }).click();
        assert.equal(await textbox(page, 'Tag').inputValue(), 'vip');
        const [made] = (await p.ok('GET', `/api/v1/app/${app.id}/automation`)).data;
        assert.deepEqual([made.trigger.verify.profile, made.trigger.verify.secrets, made.publishedVersion, made.version], ['shopify', 1, 1, 2]);
    });
    await step('another Trigger URL, and the old one for a while', async () => {
        await page.getByRole('button', { name: /^Trigger Incoming Webhook/ }).click();
        const old = await page.getByLabel('Trigger URL').innerText();
        await button(page, 'Rotate').click();
        await page.getByLabel('The old one goes on working').selectOption('3600');
        await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
        await page.getByText('There is a new Trigger URL.').waitFor();
        assert.notEqual(await page.getByLabel('Trigger URL').innerText(), old);
    });
    await step('deleted', async () => {
        await button(page, 'Delete').click();
        assert.deepEqual(await violations(page), []);
        await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
        await page.getByText('No automations yet').waitFor();
    });
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('every kind of trigger and of step has a form; somebody else’s change is not overwritten unseen', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Adventure Works', profile: 'myra' });
    const A = `/api/v1/app/${app.id}`;
    await p.ok('POST', `${A}/record/deal`, { data: { name: 'Big one', stage: 'won', value: 1200 } });
    const sequence = await p.ok('POST', `${A}/automation`, { name: 'Thanks', steps: [] });
    const page = await openPage(browser, origin);
    await portal(page, p, app);
    const stored = async () => (await p.ok('GET', `${A}/automation`)).data.find((a) => a.name === 'Deals');
    const save = async () => {
        const before = (await stored())?.updatedAt;
        await button(page, 'Save draft').click();
        await until('it is saved', async () => (await stored()).updatedAt !== before);
        return stored();
    };
    await step('a changed record, only some of them; its variables are those of the newest', async () => {
        await create(page, 'Deals', 'Record changed');
        await page.getByLabel('Type of record').selectOption('deal');
        await page.getByLabel('created').uncheck();
        await page.getByLabel('deleted').uncheck();
        await textbox(page, 'Runs at a time (optional)').fill('101');
        await button(page, 'Save draft').click();
        await page.getByText('Must be a whole number from 1 to 100').waitFor();
        await textbox(page, 'Runs at a time (optional)').fill('1');
        await page.getByText('Only when…').click();
        await choose(page, 'Value of condition 1', 'trigger.body.stage');
        await textbox(page, 'Compared with, condition 1').fill('won');
        await page.getByText('It has not run yet: these are examples.').waitFor();
        assert.deepEqual(await violations(page), []);
        const saved = await save();
        assert.deepEqual(saved.trigger, { type: 'record_changed', record: 'deal', on: ['updated'], where: { value: '{{ trigger.body.stage }}', eq: 'won' } });
        assert.equal(saved.concurrency, 1);
    });
    await step('steps about records', async () => {
        await add(page, 'Update record');
        await page.getByLabel('Record', { exact: true }).selectOption({ label: 'Another…' });
        await choose(page, 'Its key or id', 'trigger.body.id');
        await textbox(page, 'Field 1').fill('thanked');
        await textbox(page, 'Value of thanked').fill('{{ true }}');
        await page.getByText('yes or no').waitFor();
        await add(page, 'Remove tag');
        await textbox(page, 'Tag').fill('Lead');
        await page.getByLabel('Record', { exact: true }).selectOption({ label: 'That of “Update record”' });
        await add(page, 'Emit event');
        await page.getByLabel('Event type').selectOption('deal.stage_changed');
        await textbox(page, 'Field 1').fill('name');
        await choose(page, 'Value of name', 'trigger.body.name');
        await page.locator('.preview-value', { hasText: 'Big one' }).waitFor();
        assert.deepEqual(await violations(page), []);
    });
    await step('waiting in all ways', async () => {
        await add(page, 'Wait');
        await button(page, 'Until a time').click();
        await textbox(page, 'Wait until').fill('{{ trigger.body.closes | add_time: "1d" }}');
        await add(page, 'Wait');
        await button(page, 'For an event').click();
        await page.getByLabel('Event types').selectOption('contact.updated');
        await page.getByText('Only such events…').click();
        await textbox(page, 'Value of condition 1').fill('{{ event.body.email }}');
        await page.getByLabel('Comparison of condition 1').selectOption('exists');
        assert.deepEqual(await violations(page), []);
    });
    await step('requests, their tries, and what becomes of the run when they fail', async () => {
        await add(page, 'HTTP request');
        await page.getByLabel('Method').selectOption('PUT');
        await textbox(page, 'URL').fill('https://example.com/deals');
        await button(page, 'Add header').click();
        await textbox(page, 'Header 1').fill('X-Deal');
        await textbox(page, 'Value of X-Deal').fill('{{ trigger.body.name }}');
        await page.getByRole('group', { name: 'Body: form' }).getByRole('button', { name: 'JSON' }).click();
        await textbox(page, 'Body as JSON').fill('{"deal": {"id": "{{ trigger.body.id }}"}');
        await page.getByText('Options').click();
        await page.getByLabel('When it fails, try again').selectOption('own');
        await textbox(page, 'Seconds between the tries').fill('');
        await textbox(page, 'Seconds between the tries').pressSequentially('5, 10');
        await page.getByLabel('When it has failed for good').selectOption('continue');
        await textbox(page, 'Name in variables').fill('ask');
        await button(page, 'Save draft').click();
        await page.getByText(/This is no JSON/).waitFor();
        await textbox(page, 'Body as JSON').fill('{"deal": {"id": "{{ trigger.body.id }}"}}');
        await add(page, 'Stop sequence');
        await page.getByLabel('Sequence', { exact: true }).selectOption(sequence.id);
        assert.deepEqual((await save()).steps, [
            { id: 'update', type: 'update_record', target: '{{ trigger.body.id }}', set: { thanked: '{{ true }}' } },
            { id: 'untag', type: 'remove_tag', target: '{{ steps.update.id }}', tag: 'Lead' },
            { id: 'event', type: 'emit_event', event: 'deal.stage_changed', payload: { name: '{{ trigger.body.name }}' } },
            { id: 'wait', type: 'wait', until: '{{ trigger.body.closes | add_time: "1d" }}' },
            { id: 'wait_2', type: 'wait', timeout: '7d', event: [(await stored()).steps[4].event[0], 'contact.updated'], where: { value: '{{ event.body.email }}', exists: true } },
            { id: 'ask', type: 'http_request', method: 'PUT', url: 'https://example.com/deals', headers: { 'X-Deal': '{{ trigger.body.name }}' }, body: { deal: { id: '{{ trigger.body.id }}' } }, retrySchedule: [5, 10], onError: 'continue' },
            { id: 'stop', type: 'stop_sequence', automation: sequence.id, target: '{{ contact.id }}' },
        ]);
    });
    await step('somebody else saved meanwhile; long numbers keep their digits', async () => {
        const now = await stored();
        await p.api('PUT', `${A}/automation/${now.id}`, JSON.stringify({ name: 'Deals', trigger: { type: 'schedule', cron: '0 7 * * *' }, steps: [{ id: 'vars', type: 'set', set: { order: 0 } }] }).replace('"order":0', '"order":820982911946154508'));
        await textbox(page, 'Name').fill('Deals of mine');
        await page.keyboard.press('Control+s');
        const dialog = page.getByRole('dialog', { name: 'Somebody changed this automation meanwhile' });
        assert.deepEqual(await violations(page), []);
        await button(dialog, 'Load theirs, drop mine').click();
        await page.getByRole('button', { name: /^Step 1 Set variables/ }).click();
        assert.equal(await textbox(page, 'Value of order').inputValue(), '{{ 820982911946154508 }}');
    });
    await step('a schedule, an event', async () => {
        await page.getByRole('button', { name: /^Trigger Schedule/ }).click();
        await page.getByLabel('When', { exact: true }).selectOption({ label: 'Every Monday at 8:00' });
        await textbox(page, 'Schedule').fill('61 8 * * *');
        await button(page, 'Save draft').click();
        await page.locator('.field-error').waitFor();
        assert.deepEqual(await violations(page), []);
        await page.getByLabel('What starts it').selectOption('event');
        await page.getByLabel('Event types').selectOption('form.submitted');
        await save();
        assert.deepEqual((await stored()).trigger, { type: 'event', event: ['form.submitted'] });
        assert.deepEqual(await violations(page), []);
    });
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('the sample is one of the last requests; what is different in the newest is pointed out', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Wide World', profile: 'myra' });
    const steps = [{ id: 'contact', type: 'upsert_record', record: 'contact', set: { email: '{{ trigger.body.email }}' } }];
    const made = await p.ok('POST', `/api/v1/app/${app.id}/automation`, { name: 'Purchases', trigger: { type: 'incoming_webhook' }, steps });
    const first = await post(p, made.trigger.url, { email: 'first@example.com', old: true, total: 5 });
    const page = await openPage(browser, origin);
    await portal(page, p, app);
    await page.goto(`/portal/automations/${made.id}`);
    await page.getByRole('button', { name: /^Step 1/ }).click();
    const shown = (text) => page.locator('.preview-value', { hasText: text }).waitFor();
    await shown('first@example.com');
    await post(p, made.trigger.url, { email: 'second@example.com', total: '5.00', coupon: 'X' });
    await shown('second@example.com');
    await page.getByLabel('Sample', { exact: true }).selectOption(first.id);
    await shown('first@example.com');
    await page.getByText('3 keys are different in the newest request.').waitFor();
    const variables = page.getByRole('group', { name: 'Request' });
    for (const [path, word] of [['old', 'gone'], ['total', 'other type'], ['coupon', 'new']]) await variables.getByTitle(`trigger.body.${path}`).getByText(word).waitFor();
    assert.deepEqual(await violations(page), []);
    await button(page, 'Look at it').click();
    await page.getByRole('dialog', { name: 'Sample request' }).getByText('"first@example.com"').waitFor();
    await button(page.getByRole('dialog'), 'Close').click();
    await button(page, 'Use the newest').click();
    await shown('second@example.com');
    await page.getByText('3 keys are different in the newest request.').waitFor({ state: 'detached' });
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('with the keyboard alone, and on a narrow screen', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Tailspin', profile: 'myra' });
    const made = await p.ok('POST', `/api/v1/app/${app.id}/automation`, { name: 'Purchases', trigger: { type: 'incoming_webhook' }, steps: [] });
    await post(p, made.trigger.url, { customer: { email: 'ada@example.com' }, 'a rather long name of a key that somebody chose': 'x'.repeat(300) });
    const page = await openPage(browser, origin, { viewport: { width: 360, height: 740 } });
    await portal(page, p, app);
    await page.goto(`/portal/automations/${made.id}`);
    const narrow = () => page.evaluate(() => document.documentElement.scrollWidth);
    await button(page, 'Add step').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Add a step' }).waitFor();
    assert.equal(await narrow(), 360);
    await page.getByRole('button', { name: /^Create or update record/ }).focus();
    await page.keyboard.press('Enter');
    await until('the new step has the focus', () => page.evaluate(() => document.activeElement?.closest('section')?.getAttribute('aria-label')?.startsWith('Step 1')));
    await textbox(page, 'Value of email').focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Variables' }).waitFor();
    assert.equal(await narrow(), 360);
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: 'Variables' }).waitFor({ state: 'detached' });
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.keyboard.type('email');
    assert.equal(await page.getByLabel('Search variables').inputValue(), 'email');
    await page.getByRole('dialog', { name: 'Variables' }).getByTitle('trigger.body.customer.email').waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await until('it is written', async () => (await textbox(page, 'Value of email').inputValue()) === '{{ trigger.body.customer.email }}');
    await page.locator('.preview-value', { hasText: 'ada@example.com' }).waitFor();
    await page.keyboard.press('Control+s');
    await page.getByText('The draft is saved.', { exact: true }).waitFor();
    await add(page, 'Branch');
    assert.equal(await narrow(), 360);
    await add(page, 'HTTP request');
    assert.equal(await narrow(), 360);
    assert.deepEqual(await violations(page), []);
    await page.context().close();
});

test('who may only look sees everything and changes nothing', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Fabrikam', profile: 'myra' });
    const made = await p.ok('POST', `/api/v1/app/${app.id}/automation`, {
        name: 'Purchases',
        trigger: { type: 'incoming_webhook' },
        steps: [{ id: 'contact', type: 'upsert_record', record: 'contact', set: { email: '{{ trigger.body.email }}' } }],
    });
    const page = await openPage(browser, origin);
    await portal(page, p, app, { readOnly: true });
    await page.getByRole('link', { name: 'Automations' }).click();
    await page.getByRole('link', { name: 'Purchases' }).waitFor();
    assert.equal(await page.getByRole('link', { name: 'New Automation' }).count(), 0);
    await page.goto(`/portal/automations/${made.id}`);
    await page.getByRole('button', { name: /^Step 1 Create or update contact/ }).click();
    assert.equal(await textbox(page, 'Value of email').isDisabled(), true);
    for (const name of ['Save draft', 'Publish', 'Delete', 'Add step', 'Test run', 'Rotate']) assert.equal(await button(page, name).count(), 0, name);
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});
