// SPDX-License-Identifier: Apache-2.0
// Pictures of the console for the documentation: node tools/screenshots.mjs [FOLDER]. Starts an instance of its own with a week of
// somebody's webhooks in it.
import { mkdirSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { openBrowser, openPage, signUp } from '../tests/browser/lib.mjs';
import { Postrider } from '../tests/e2e/lib/postrider.mjs';

const folder = process.argv[2] ?? 'docs/images';
mkdirSync(folder, { recursive: true });

// A receiver with moods: mostly well, sometimes not.
function receiver(answer) {
    let n = 0;
    const server = http.createServer((request, response) => {
        request.resume();
        const { status, body, ms } = answer(n++);
        setTimeout(() => response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': `req-${1000 + n}` }).end(body), ms);
    });
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({ server, url: `http://127.0.0.1:${server.address().port}` })));
}

async function fill(p) {
    const good = await receiver((n) => ({ status: 200, body: '{"ok":true}', ms: 12 + ((n * 37) % 60) }));
    const shaky = await receiver((n) => (n % 4 === 2 ? { status: 500, body: '{"error":"database is away"}', ms: 140 } : { status: 202, body: '', ms: 30 + ((n * 53) % 110) }));
    const app = await p.app({ name: 'Northwind Traders', uid: 'northwind', profile: 'metapulse' });
    for (const [name, uid, profile] of [['Contoso', 'contoso', 'myra'], ['Fabrikam', 'fabrikam', 'standard'], ['Lovelace Coaching', 'lovelace', 'myra']]) await p.app({ name, uid, profile });
    const production = await p.endpoint(app, `${shaky.url}/webhooks/metapulse`, {
        name: 'Production',
        description: 'Feeds the data warehouse.',
        eventTypes: ['team.created', 'team.updated', 'member.created', 'objective.updated', 'data_point.created'],
        headers: { Authorization: 'Bearer 8f1c…' },
    });
    await p.endpoint(app, `${good.url}/hooks`, { name: 'Slack bridge', eventTypes: ['objective.updated'] });
    await p.endpoint(app, 'http://127.0.0.1:9/staging', { name: 'Staging', eventTypes: ['team.created'] });
    await p.endpoint(app, `${good.url}/audit`, { name: 'Audit trail' });
    const actors = [['Ada Lovelace', 'mem_4'], ['Grace Hopper', 'mem_7'], ['Alan Turing', 'mem_9']];
    const events = [
        ['team.updated', { id: 'team_2', name: 'Sales', member_ids: ['mem_4', 'mem_7'] }],
        ['objective.updated', { id: 'obj_19', title: 'Double the trials', due_on: '2026-06-30', status: 'open', progress: 0.62 }],
        ['data_point.created', { id: 'dp_501', graph_id: 'gr_12', date: '2026-03-02', value: 42.5 }],
        ['member.created', { id: 'mem_9', name: 'Alan Turing', email: 'alan@example.com', role: 'editor' }],
        ['team.created', { id: 'team_5', name: 'Research', member_ids: ['mem_9'] }],
    ];
    let failed;
    for (let i = 0; i < 44; i++) {
        const [type, payload] = events[(i * 7) % events.length];
        const [name, id] = actors[i % actors.length];
        const message = await p.send(app, type, payload, { actor: { type: 'user', id, name } });
        if (type === 'objective.updated') failed = message;
        await new Promise((resolve) => setTimeout(resolve, 60 + ((i * 31) % 160)));
    }
    await new Promise((resolve) => setTimeout(resolve, 900));
    const tries = (await p.ok('GET', `/api/v1/app/${app.id}/attempt?status=2&limit=100&endpoint_id=${production.id}`)).data;
    await automations(p);
    const away = await receiver(() => ({ status: 503, body: '', ms: 20 }));
    return { app, production, broken: `${away.url}/orders`, failed: tries[0]?.msgId ?? failed.id, servers: [good.server, shaky.server, away.server] };
}

// The example of the guide: a purchase, and what follows from it.
async function automations(p) {
    const base = '/api/v1/app/lovelace/automation';
    const review = await p.ok('POST', base, {
        name: 'Post-Purchase Review',
        steps: [
            { id: 'wait', type: 'wait', for: '3d' },
            { id: 'email', type: 'send_email', to: '{{ contact.email }}', subject: 'How do you like it, {{ contact.name }}?', text: 'Hello {{ contact.name | default: "you" }}, …' },
        ],
    });
    await p.ok('POST', `${base}/${review.id}/publish`);
    const purchases = await p.ok('POST', base, {
        name: 'Purchases',
        trigger: { type: 'incoming_webhook', dedupe: 'body:order.id' },
        steps: [
            { id: 'contact', type: 'upsert_record', record: 'contact', set: { email: '{{ trigger.body.customer.email | lower }}', name: '{{ trigger.body.customer.name }}' } },
            { id: 'tag', type: 'add_tag', target: '{{ steps.contact.id }}', tag: 'Customer' },
            { id: 'sequence', type: 'start_sequence', automation: review.id, target: '{{ steps.contact.id }}', reentry: 'ignore' },
        ],
    });
    const order = { event: 'order.paid', order: { id: 5012, total: '49.90', currency: 'EUR' }, customer: { email: 'Grace@Example.com', name: 'Grace Hopper' } };
    await p.api('POST', new URL(purchases.trigger.url).pathname, order, { token: null });
}

// Purchases that came in, taken and refused, and their runs: done, waiting, failed.
async function runs(p, broken) {
    const base = '/api/v1/app/contoso';
    const publish = async (definition) => {
        const made = await p.ok('POST', `${base}/automation`, definition);
        await p.ok('POST', `${base}/automation/${made.id}/publish`);
        return made;
    };
    const review = await publish({ name: 'Post-Purchase Review', steps: [{ id: 'wait', type: 'wait', for: '3d' }] });
    const large = { name: 'Large orders', when: { value: '{{ trigger.body.order.total }}', gte: 100 }, steps: [{ id: 'erp', type: 'http_request', name: 'Tell the warehouse', url: broken, retrySchedule: [0.2, 0.3], body: { order: '{{ trigger.body.order.id }}' } }] };
    const purchases = await publish({
        name: 'Purchases',
        trigger: { type: 'incoming_webhook', verify: { profile: 'header', secret: 'a token of the shop', header: 'X-Shop-Token' } },
        steps: [
            { id: 'contact', type: 'upsert_record', record: 'contact', set: { email: '{{ trigger.body.customer.email | lower }}', name: '{{ trigger.body.customer.name }}' } },
            { id: 'tag', type: 'add_tag', target: '{{ steps.contact.id }}', tag: 'Customer' },
            { id: 'size', type: 'branch', name: 'By the amount', branches: [large], else: [{ id: 'shipped', type: 'wait', name: 'Until it is confirmed', event: 'booking.confirmed', timeout: '2d' }] },
            { id: 'sequence', type: 'start_sequence', automation: review.id, target: '{{ steps.contact.id }}', reentry: 'ignore' },
        ],
    });
    const post = (email, name, total, headers = { 'x-shop-token': 'a token of the shop' }) =>
        p.api('POST', new URL(purchases.trigger.url).pathname, { order: { id: 5000 + total, total, currency: 'EUR' }, customer: { email, name } }, { token: null, headers });
    await post('ada@example.com', 'Ada Lovelace', 42);
    await post('alan@example.com', 'Alan Turing', 17);
    while ((await p.ok('GET', `${base}/automation/${purchases.id}/run?status=waiting`)).data.length < 2) await new Promise((resolve) => setTimeout(resolve, 50));
    await p.ok('POST', `${base}/msg`, { eventType: 'booking.confirmed', payload: {} });
    await post('grace@example.com', 'Grace Hopper', 250);
    await post('eve@example.com', 'Eve', 1, { 'x-shop-token': 'a guess' });
    await post('linus@example.com', 'Linus', 12, {});
    await post('katherine@example.com', 'Katherine Johnson', 64);
    let failed;
    while (!(failed = (await p.ok('GET', `${base}/automation/${purchases.id}/run?status=failed`)).data[0])) await new Promise((resolve) => setTimeout(resolve, 50));
    return { at: `/app/contoso/automations/${purchases.id}`, failed: failed.id };
}

async function take(browser, origin, state, name, path, { dark = false, phone = false, before } = {}) {
    const page = await openPage(browser, origin, {
        colorScheme: dark ? 'dark' : 'light',
        viewport: phone ? { width: 390, height: 844 } : { width: 1280, height: 860 },
        storageState: state,
    });
    await page.goto(path);
    await page.locator('h1').first().waitFor();
    await page.locator('.skeleton').first().waitFor({ state: 'detached' });
    await before?.(page);
    await page.waitForTimeout(250);
    await page.screenshot({ path: join(folder, `${name}.png`) });
    if (page.wrongs.length > 0) console.error(name, page.wrongs);
    await page.context().close();
}

const p = await new Postrider({ settings: { EGRESS_ADDRESSES: '203.0.113.7,203.0.113.8' } }).start();
const browser = await openBrowser();
let servers = [];
try {
    const origin = `http://127.0.0.1:${p.port}`;
    const made = await fill(p);
    servers = made.servers;
    const page = await openPage(browser, origin);
    await signUp(page, p);
    const state = await page.context().storageState();
    const base = `/app/${made.app.id}`;
    const endpoint = `${base}/webhooks/${made.production.id}`;
    const event = `${base}/events/${made.failed}?endpoint=${made.production.id}`;
    const unfold = async (shown) => {
        await shown.locator('.attempt-head').first().click();
        await shown.getByRole('heading', { name: 'Response Body' }).waitFor();
        await shown.locator('.attempt-head').first().scrollIntoViewIfNeeded();
        await shown.evaluate(() => document.querySelector('.attempt').scrollIntoView());
    };
    const shot = (name, path, options) => take(browser, origin, state, name, path, options);
    await shot('workspaces', '/');
    await shot('webhooks', `${base}/webhooks`);
    await shot('webhooks-phone', `${base}/webhooks`, { phone: true });
    await shot('new-endpoint', `${base}/webhooks/new`);
    await shot('endpoint', endpoint);
    await shot('endpoint-dark', endpoint, { dark: true });
    await shot('endpoint-phone', endpoint, { phone: true, dark: true });
    await shot('event', event, { before: unfold });
    await shot('event-phone', event, { phone: true, before: unfold });
    await shot('logs', `${base}/logs`);
    await shot('logs-phone', `${base}/logs`, { phone: true });
    await shot('developer', `${base}/developer`);
    await shot('catalogue-dark', `${base}/developer?tab=events`, { dark: true });
    const unfoldStep = async (shown) => {
        await shown.getByRole('button', { name: /^Step 1/ }).click();
        await shown.locator('.preview-value').first().waitFor();
        await shown.evaluate(() => scrollTo(0, 0));
    };
    const purchases = (await p.ok('GET', '/api/v1/app/lovelace/automation')).data.find((a) => a.name === 'Purchases');
    await shot('automation', `/app/lovelace/automations/${purchases.id}`, { before: unfoldStep });
    await shot('automation-dark', `/app/lovelace/automations/${purchases.id}`, { dark: true, before: unfoldStep });
    await shot('automation-phone', `/app/lovelace/automations/${purchases.id}`, { phone: true, before: unfoldStep });
    const bought = await runs(p, made.broken);
    await shot('run', `${bought.at}/runs/${bought.failed}`);
    await shot('requests', `${bought.at}/requests`);
    await shot('settings', '/settings');
    await shot('system', '/system');
    await take(browser, origin, undefined, 'login', '/login');
} finally {
    await browser.close();
    await p.dispose();
    for (const server of servers) server.close();
}
