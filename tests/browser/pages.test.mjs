// SPDX-License-Identifier: Apache-2.0
// What must hold on every page: no finding of axe in light and dark and on a phone, nothing against the policy, no request to
// elsewhere, and what strangers wrote is text.
import assert from 'node:assert/strict';
import { before } from 'node:test';
import jsqr from 'jsqr';
import { PNG } from 'pngjs';
import { receiver } from '../e2e/lib/receiver.mjs';
import { email, openPage, password, setUp, signIn, signUp, test, violations, whyNot } from './lib.mjs';

const attacks = [
    '<script>window.hit=1</script>',
    '<img src=x onerror="window.hit=1">',
    '"><svg onload=window.hit=1>',
    "';window.hit=1;//",
    '{{constructor.constructor("window.hit=1")()}}',
    '</textarea><iframe srcdoc="<script>parent.hit=1</script>">',
    'javascript:window.hit=1',
    '<style>*{display:none}</style>',
    '\u202Emoor\u202C <b>bold</b> &lt;i&gt;',
];

let all;
before(async (t) => {
    all = await setUp(t, { settings: { EGRESS_ADDRESSES: '203.0.113.7' } });
    all.skip = await whyNot(all.p);
    if (all.skip) return;
    const { p, browser, origin } = all;
    const page = await openPage(browser, origin);
    await signUp(page, p);
    all.cookies = await page.context().storageState();
    all.app = await p.app({ name: `Acme ${attacks[0]}`, profile: 'metapulse' });
    all.receiver = await receiver({ after: (fn) => t.after(fn) }, {
        answer: (q, n) => ({ status: n % 3 === 1 ? 500 : 200, headers: { 'content-type': 'text/html', 'x-evil': attacks[1] }, body: attacks.join('\n') }),
    });
    all.endpoint = await p.endpoint(all.app, all.receiver.url(), { name: `Endpoint ${attacks[1]}`, description: attacks[2], headers: { 'X-Evil': attacks[3] } });
    for (let i = 0; i < 6; i++)
        all.message = await p.send(all.app, 'team.updated', { attacks, i }, { actor: { type: 'user', id: attacks[4], name: `Ada ${attacks[2]}` }, tags: ['a'] });
    await p.attempted(all.app, all.message, 1);
    const steps = [{ id: 'contact', type: 'set', name: attacks[2], set: { [attacks[1]]: attacks[3], body: '{{ trigger.body }}' } }];
    all.automation = await p.ok('POST', `/api/v1/app/${all.app.id}/automation`, { name: `Automation ${attacks[1]}`, trigger: { type: 'incoming_webhook' }, steps });
    await p.api('POST', new URL(all.automation.trigger.url).pathname, { [attacks[0]]: attacks[1], [attacks[4]]: attacks }, { token: null });
    await p.ok('POST', `/api/v1/app/${all.app.id}/automation/${all.automation.id}/publish`);
    await p.ok('PUT', `/api/v1/app/${all.app.id}/automation/${all.automation.id}`, { name: `Automation ${attacks[1]}`, trigger: { type: 'incoming_webhook' }, steps: [{ ...steps[0], set: { [attacks[1]]: attacks[0] } }] });
    await p.ok('POST', '/api/v1/auth/api-key', { name: attacks[0], role: 'viewer' });
});

function paths() {
    const base = `/app/${all.app.id}`;
    return {
        login: '/login',
        'used link': '/link#key=none',
        workspaces: '/',
        settings: '/settings',
        system: '/system',
        webhooks: `${base}/webhooks`,
        new: `${base}/webhooks/new`,
        endpoint: `${base}/webhooks/${all.endpoint.id}`,
        edit: `${base}/webhooks/${all.endpoint.id}/edit`,
        event: `${base}/events/${all.message.id}`,
        logs: `${base}/logs`,
        records: `${base}/records/team`,
        automations: `${base}/automations`,
        'new automation': `${base}/automations/new`,
        automation: `${base}/automations/${all.automation.id}`,
        versions: `${base}/automations/${all.automation.id}/versions`,
        developer: `${base}/developer`,
        catalogue: `${base}/developer?tab=events`,
        keys: `${base}/developer?tab=keys`,
        missing: `${base}/nothing`,
    };
}

const looks = {
    light: { colorScheme: 'light' },
    dark: { colorScheme: 'dark' },
    phone: { colorScheme: 'light', viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
};

for (const [look, options] of Object.entries(looks)) {
    test(`every page: axe, policy, text, in ${look}`, async (t) => {
        if (all.skip) return t.skip(all.skip);
        const found = [];
        for (const [name, path] of Object.entries(paths())) {
            const anonymous = name === 'login' || name === 'used link';
            const page = await openPage(all.browser, all.origin, { ...options, ...(anonymous ? {} : { storageState: all.cookies }) });
            await page.goto(path);
            await page.locator('h1').first().waitFor();
            await page.locator('.skeleton').first().waitFor({ state: 'detached' });
            if (name === 'event') {
                for (const head of await page.locator('.attempt-head').all()) await head.click();
                await page.getByText('Response Body').first().waitFor();
                await page.locator('.skeleton').first().waitFor({ state: 'detached' });
            }
            found.push(...(await violations(page)).map((v) => `${name}: ${v}`), ...page.wrongs.map((w) => `${name}: ${w}`));
            assert.equal(await page.evaluate(() => globalThis.hit), undefined, `${name}: a script of a stranger ran`);
            assert.equal(await page.locator('iframe, main img, main script, main style, main b').count(), 0, name);
            const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
            if (wide > 0) found.push(`${name}: ${wide} px wider than the screen`);
            await page.context().close();
        }
        assert.deepEqual(found, []);
    });
}

test('strangers’ text is shown as it is', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const page = await openPage(all.browser, all.origin, { storageState: all.cookies });
    await page.goto(paths().event);
    await page.locator('.attempt-head').first().click();
    await page.getByLabel('Response Body').getByText(attacks[0]).waitFor();
    await page.getByLabel('Response headers').getByText(`x-evil: ${attacks[1]}`).waitFor();
    await page.getByText(`Ada ${attacks[2]}`).first().waitFor();
    await page.getByLabel('Request body').getByText(JSON.stringify(attacks[1])).waitFor();
    assert.equal(await page.evaluate(() => globalThis.hit), undefined);
});

test('what is not there is called as the console calls it', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const page = await openPage(all.browser, all.origin, { storageState: all.cookies });
    for (const [path, words] of [
        ['/app/nobody/webhooks', 'No such workspace.'],
        [`/app/${all.app.id}/events/msg_nothing`, 'No such event.'],
    ]) {
        await page.goto(path);
        await page.getByText(words, { exact: true }).first().waitFor();
    }
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('all can be done with the keyboard', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const page = await openPage(all.browser, all.origin, { storageState: all.cookies });
    await page.goto(paths().webhooks);
    await page.getByRole('link', { name: 'New Webhook Endpoint' }).waitFor();
    await page.getByText('Skip to the page').focus();
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), 'New Webhook Endpoint');
    await page.goto(paths().edit);
    await page.getByRole('button', { name: 'Delete Endpoint' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    assert.ok(await page.evaluate(() => document.querySelector('dialog').contains(document.activeElement)));
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), 'Delete Endpoint');
});

test('the way back after signing in; signing out; sessions', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const page = await openPage(all.browser, all.origin);
    await page.goto(paths().logs);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Password', { exact: true }).fill('something else');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('E-mail or password is wrong.').waitFor();
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Webhook Logs' }).waitFor();
    // Another one is ended from here, and is at the sign-in page with its next step.
    const other = await openPage(all.browser, all.origin);
    await signIn(other);
    await other.getByRole('heading', { name: 'Workspaces' }).waitFor();
    await page.goto('/settings');
    await page.getByRole('button', { name: /End the session/ }).first().waitFor();
    const ends = page.getByRole('button', { name: /End the session/ });
    for (let n = await ends.count(); n > 0; n--) {
        await ends.first().click();
        await page.waitForFunction((left) => document.querySelectorAll('button[aria-label^="End the session"]').length < left, n);
    }
    await other.getByRole('link', { name: 'Settings', exact: true }).click();
    await other.getByRole('heading', { name: 'Sign in' }).waitFor();
    assert.equal(new URL(other.url()).searchParams.get('back'), '/settings');
    await page.getByRole('button', { name: 'Sign out', exact: true }).first().click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    assert.equal((await page.request.get('/api/v1/console/session')).status(), 401);
    assert.deepEqual(page.wrongs, []);
});

test('the QR code of the authenticator says what the secret is', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const page = await openPage(all.browser, all.origin, { deviceScaleFactor: 2 });
    await signIn(page);
    await page.getByRole('heading', { name: 'Workspaces' }).waitFor();
    await page.goto('/settings');
    await page.getByRole('button', { name: 'Set up' }).click();
    const qr = page.getByRole('img', { name: /QR code/ });
    const picture = PNG.sync.read(await qr.screenshot());
    const read = jsqr(new Uint8ClampedArray(picture.data), picture.width, picture.height);
    const secret = await page.getByLabel('Secret', { exact: true }).innerText();
    assert.match(read?.data ?? 'unreadable', /^otpauth:\/\/totp\//);
    assert.equal(new URL(read.data).searchParams.get('secret'), secret);
});

test('a lost connection is said, and found again', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const page = await openPage(all.browser, all.origin);
    await signIn(page);
    await page.getByRole('heading', { name: 'Workspaces' }).waitFor();
    await page.context().setOffline(true);
    await page.getByRole('link', { name: 'Settings', exact: true }).click();
    await page.getByText('The connection to the server is lost').waitFor();
    await page.context().setOffline(false);
    await page.getByText('The connection to the server is lost').waitFor({ state: 'detached' });
});
