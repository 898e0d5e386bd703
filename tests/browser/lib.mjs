// SPDX-License-Identifier: Apache-2.0
// A browser, an instance of Postrider, a person who is signed in; and what must hold on every page.
import { createRequire } from 'node:module';
import { existsSync, readFileSync } from 'node:fs';
import { test as nodeTest } from 'node:test';
import { chromium } from 'playwright-core';
import { postrider, program } from '../e2e/lib/postrider.mjs';
import { until } from '../e2e/lib/wait.mjs';
import { closeThose, openPages, reword, state, unanswered, watch } from './failure.mjs';
import { atFullSpeed, patience, slowDown, slowLine } from './slow.mjs';

export { patience, unanswered };

const require = createRequire(import.meta.url);
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const executable = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((p) => existsSync(p));
export const password = 'a horse that delivers letters';
export const email = 'ada@example.com';

// A browser, over a slow line if one is asked for.
export async function openBrowser() {
    const line = await slowLine();
    const browser = await chromium.launch({ executablePath: executable, args: ['--no-sandbox', '--disable-dev-shm-usage'], ...line.options });
    browser.on('disconnected', () => line.stop());
    return browser;
}

// A test whose failure says what the pages showed; they are closed when it ends.
export function test(name, ...rest) {
    const run = rest.pop();
    nodeTest(name, ...rest, async (t) => {
        const before = openPages();
        try {
            return await run(t);
        } catch (error) {
            const seen = await state(openPages(before), t.name);
            throw reword(error, (message) => message + seen);
        } finally {
            await closeThose(openPages(before));
        }
    });
}

// Why there is nothing to test, or null.
export async function whyNot(p) {
    if (!executable) return 'there is no chromium';
    const answer = await p.api('GET', '/', undefined, { token: null });
    return answer.status === 404 ? `${program} was built without the console` : null;
}

// An instance and a browser for all tests of a file. `t` has the after hook.
export async function setUp(t, options) {
    const p = await postrider(t, options);
    const browser = await openBrowser();
    t.after(() => browser.close());
    return { p, browser, origin: `http://127.0.0.1:${p.port}` };
}

// A page that remembers what it must not do: violations of its policy, errors, requests to elsewhere.
export async function openPage(browser, origin, { colorScheme = 'light', viewport = { width: 1280, height: 900 }, lateMs = 0, ...more } = {}) {
    const context = await browser.newContext({ colorScheme, viewport, baseURL: origin, reducedMotion: 'reduce', ...more });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000 * patience); // of a machine that is busy with other tests
    await slowDown(page, lateMs);
    watch(page);
    page.wrongs = [];
    page.on('pageerror', (error) => page.wrongs.push(`error: ${error.message}`));
    page.on('console', (message) => {
        const text = message.text();
        if (message.type() === 'error' && !/Failed to load resource/.test(text)) page.wrongs.push(`console: ${text}`);
    });
    page.on('request', (request) => {
        if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith('data:')) page.wrongs.push(`request to ${request.url()}`);
    });
    page.on('dialog', (dialog) => {
        page.wrongs.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
    });
    return page;
}

// The link that makes the first user, from the log.
export async function firstLink(p) {
    let found;
    await until(
        () => `the log has the link of the first user:\n${p.log().slice(-1000)}`,
        () => (found = /\/link#[\w.=-]+/.exec(p.log())?.[0]),
    );
    return found;
}

export async function signUp(page, p) {
    await page.goto(await firstLink(p));
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('New password').fill(password);
    await page.getByRole('button', { name: 'Create the account' }).click();
    await page.getByRole('heading', { name: 'Workspaces' }).waitFor();
}

export async function signIn(page) {
    await page.goto('/login');
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
}

export async function portal(page, p, app, fields = {}) {
    const { url } = await p.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, fields);
    await page.goto(url);
    await page.getByRole('heading', { name: 'Webhooks', exact: true }).waitFor();
}

// axe's findings on the page as it is, as short lines.
export async function violations(page) {
    // The policy of the page forbids scripts of others: this one comes from outside of it.
    const found = await atFullSpeed(page, async () => {
        await page.evaluate(axe);
        return page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    });
    return found.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary?.split('\n')[1]?.trim() ?? v.help}`));
}

// A step of a walk: the first that fails ends it, and says its name.
export async function step(name, run) {
    try {
        await run();
    } catch (error) {
        throw reword(error, (message) => `${name}: ${message}`);
    }
}
