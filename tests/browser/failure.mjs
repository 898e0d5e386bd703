// SPDX-License-Identifier: Apache-2.0
// What a page showed when its test failed: where it was, what had the focus, what it waited for, its text, and a picture.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const shots = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '.dev', 'browser');
const TEXT_MAX = 1200;
const LOOK_MS = 5000;
const pages = new Set();

export function watch(page) {
    pages.add(page);
    page.asked = new Set(); // what has no answer yet
    page.on('request', (request) => {
        if (request.isNavigationRequest() && request.frame() === page.mainFrame()) page.asked.clear(); // nobody waits for them any more
        page.asked.add(request);
    });
    for (const end of ['requestfinished', 'requestfailed']) page.on(end, (request) => page.asked.delete(request));
    page.on('close', () => pages.delete(page));
}

// Some reporters print the message, some the stack.
export function reword(error, words) {
    const old = error.message;
    error.message = words(old);
    error.stack = error.stack?.replace(old, () => error.message);
    return error;
}

// Those that are open, without the ones of before.
export function openPages(before = new Set()) {
    return new Set([...pages].filter((page) => !before.has(page)));
}

export async function closeThose(which) {
    for (const context of new Set([...which].map((page) => page.context()))) await context.close().catch(() => {});
}

// What has no answer yet, besides the stream.
export function unanswered(page) {
    return [...page.asked].map((r) => `${r.method()} ${new URL(r.url()).pathname}`).filter((line) => !line.endsWith('/live'));
}

// Runs in the page.
function look(most) {
    const name = (e) => `<${e.tagName.toLowerCase()}> ${(e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent ?? e.textContent ?? '').trim().replace(/\s+/g, ' ').slice(0, 80)}`;
    const dialogs = [...document.querySelectorAll('dialog[open], [role="dialog"]')].map((d) => d.querySelector('h2')?.textContent ?? d.getAttribute('aria-label'));
    const part = document.querySelector('dialog[open]') ?? document.getElementById('main') ?? document.body;
    const chosen = (text, select) => (select.innerText === '' ? text : text.replace(select.innerText, `[${select.selectedOptions[0]?.text ?? ''}]`));
    const text = [...part.querySelectorAll('select')].reduce(chosen, part.innerText).replace(/\s*\n\s*/g, ' | ').replace(/\s+/g, ' ');
    return {
        focus: document.activeElement ? name(document.activeElement) : 'nothing',
        dialogs: dialogs.join(', '),
        toasts: [...document.querySelectorAll('.toast')].map((t) => t.textContent).join(', '),
        text: text.length > most ? `${text.slice(0, most)}…` : text,
    };
}

const within = (promise) => Promise.race([promise, new Promise((_, reject) => setTimeout(() => reject(new Error('the page does not answer')), LOOK_MS).unref())]);

async function stateOf(page, file) {
    const waits = unanswered(page);
    const lines = [`at ${page.url()}`];
    try {
        const { focus, dialogs, toasts, text } = await within(page.evaluate(look, TEXT_MAX));
        lines.push(`focus: ${focus}`);
        if (dialogs) lines.push(`dialogs: ${dialogs}`);
        if (toasts) lines.push(`messages: ${toasts}`);
        if (waits.length > 0) lines.push(`no answer yet: ${waits.join(', ')}`);
        if (page.wrongs?.length > 0) lines.push(`wrongs: ${page.wrongs.join(', ')}`);
        lines.push(`text: ${text}`);
        mkdirSync(shots, { recursive: true });
        await page.screenshot({ path: file, timeout: LOOK_MS });
        lines.push(`picture: ${file}`);
    } catch (error) {
        lines.push(`and no more: ${error.message.split('\n')[0]}`);
    }
    return lines.join('\n    ');
}

export async function state(which, name) {
    let text = '';
    let n = 0;
    for (const page of which) {
        const file = join(shots, `${name.replace(/[^\p{L}\p{N}]+/gu, '-').slice(0, 60)}-${process.pid}${n++ > 0 ? `-${n}` : ''}.png`);
        text += `\n  the page ${await stateOf(page, file)}`;
    }
    return text;
}
