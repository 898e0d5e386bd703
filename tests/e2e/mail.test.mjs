// SPDX-License-Identifier: Apache-2.0
// Mail: what a relay gets, how it is tried again and given up, and that nothing can be smuggled into a letter.
import assert from 'node:assert/strict';
import test from 'node:test';
import { authority } from './lib/certs.mjs';
import { firstUser, goodPassword, Person } from './lib/console.mjs';
import { freePort, postrider, slow } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { readLetter, Relay } from './lib/smtp.mjs';
import { sleep, until } from './lib/wait.mjs';

const members = '/api/v1/console/member';
const forgot = '/api/v1/console/password/forgot';

async function withRelay(t, { relay: options, settings = {}, ...more } = {}) {
    const relay = await new Relay(options).start(await freePort());
    t.after(() => relay.stop());
    const p = await postrider(t, { settings: { SMTP_URL: relay.url, SMTP_FROM: 'Wébhooks <hooks@example.com>', PUBLIC_URL: 'http://hooks.example.com', ...settings }, ...more });
    return { relay, p, owner: await firstUser(p) };
}

const letters = (relay, n) => until(() => `${n} letters; there are ${relay.letters.length}: ${relay.verbs.join(' | ')}`, () => relay.letters.length >= n && relay.letters);
const logged = (p, pattern) => until(() => `${pattern} in the log:\n${p.log()}`, () => pattern.exec(p.log()));

test('an invitation goes out once, signed in, with a link that works', async (t) => {
    const { relay, p, owner } = await withRelay(t, { relay: { user: 'us er', password: 'p@ss:/w' } });
    const { link } = await owner.ok('POST', members, { email: 'Vera@Example.com', role: 'viewer' });
    const [letter] = await letters(relay, 1);
    assert.deepEqual([letter.from, letter.to, letter.signedIn], ['hooks@example.com', ['vera@example.com'], true]);
    const { headers, names, text } = readLetter(letter.raw);
    assert.deepEqual([...names].sort(), ['auto-submitted', 'content-transfer-encoding', 'content-type', 'date', 'from', 'message-id', 'mime-version', 'subject', 'to']);
    assert.equal(headers.from, 'Wébhooks <hooks@example.com>');
    assert.equal(headers.to, '<vera@example.com>');
    assert.match(headers['message-id'], /^<mail_\w{27}@example\.com>$/);
    assert.ok(Math.abs(Date.parse(headers.date) - Date.now()) < 60_000, headers.date);
    assert.ok(text.includes(`\r\n${link}\r\n`), text);
    const vera = new Person(p);
    assert.equal((await vera.api('POST', `/api/v1/console/link/${/key=(\w+)/.exec(link)[1]}`, { password: goodPassword })).status, 200);
    await sleep(300);
    assert.equal(relay.letters.length, 1);
});

test('who forgot their password gets a link, who is nobody gets nothing, and both the same answer', async (t) => {
    const { relay, p } = await withRelay(t);
    const nobody = new Person(p);
    const a = await nobody.api('POST', forgot, { email: 'nobody@example.com' });
    const b = await nobody.api('POST', forgot, { email: 'Owner@example.com' });
    assert.deepEqual([a.status, a.text], [202, '{}']);
    assert.deepEqual([b.status, b.text], [202, '{}']);
    const { text } = readLetter((await letters(relay, 1))[0].raw);
    const key = /http:\/\/hooks\.example\.com\/link#key=(\w+)/.exec(text)[1];
    const owner = new Person(p);
    assert.equal((await owner.ok('GET', `/api/v1/console/link/${key}`)).kind, 'reset');
    assert.equal((await owner.api('POST', `/api/v1/console/link/${key}`, { password: 'purple-bicycle-9' })).status, 200);
    assert.equal((await new Person(p).signIn('owner@example.com', 'purple-bicycle-9')).status, 200);
    assert.equal(relay.letters.length, 1);
    // At most a few for one address, whoever asks.
    for (let i = 0; i < 6; i++) assert.equal((await nobody.api('POST', forgot, { email: 'owner@example.com' })).status, 202);
    await letters(relay, 3);
    await sleep(500);
    assert.equal(relay.letters.length, 3);
});

test('a relay that is busy is asked again, with the same Message-ID', async (t) => {
    const { relay, owner } = await withRelay(t, { relay: { answers: { RCPT: ['451 4.7.1 greylisted'] } } });
    await owner.ok('POST', members, { email: 'vera@example.com', role: 'viewer' });
    const [letter] = await letters(relay, 1);
    assert.equal(relay.verbs.filter((v) => v.startsWith('RCPT')).length, 2);
    assert.match(letter.raw, /Message-ID: <mail_/);
});

test('a letter that the relay refuses is given up, and the log says why', async (t) => {
    const { relay, p, owner } = await withRelay(t, { relay: { answers: { RCPT: ['550 5.1.1 no such mailbox'] } } });
    await owner.ok('POST', members, { email: 'vera@example.com', role: 'viewer' });
    assert.match((await logged(p, /.*mail_failed.*/))[0], /mail_\w+.*550 5\.1\.1 no such mailbox.*attempts=1/);
    await owner.ok('POST', members, { email: 'otto@example.com', role: 'viewer' });
    await letters(relay, 1);
    await sleep(2500);
    assert.deepEqual(relay.letters.map((l) => l.to), [['otto@example.com']], 'the next one goes out, the refused one not again');
});

test('a refusal after the text is for good too; a wrong password is not the letter’s fault', async (t) => {
    const { relay, p, owner } = await withRelay(t, { relay: { user: 'u', password: 'right', answers: { TEXT: ['554 5.6.0 spam'] } } });
    await owner.ok('POST', members, { email: 'vera@example.com', role: 'viewer' });
    await logged(p, /mail_failed.*554 5\.6\.0 spam/);
    await p.stop();
    relay.password = 'other';
    await p.start();
    await owner.api('POST', members, { email: 'otto@example.com', role: 'viewer' });
    await logged(p, /mail_relay_down.*535 5\.7\.8/);
    assert.equal(relay.letters.length, 0);
    relay.password = 'right';
    await letters(relay, 1);
    await logged(p, /mail_relay_up/);
});

test('mail waits for a relay that is not there, over a crash', async (t) => {
    const { relay, p, owner } = await withRelay(t);
    const port = relay.port;
    await relay.stop();
    const { link } = await owner.ok('POST', members, { email: 'vera@example.com', role: 'viewer' });
    await logged(p, /mail_relay_down/);
    await p.kill();
    await relay.start(port);
    await p.start();
    assert.ok(readLetter((await letters(relay, 1))[0].raw).text.includes(link));
});

test('killed while the relay takes the letter: it comes again, with the same Message-ID', async (t) => {
    const { relay, p, owner } = await withRelay(t, { relay: { silent: true } });
    await owner.ok('POST', members, { email: 'vera@example.com', role: 'viewer' });
    await until('the text is with the relay', () => relay.texts === 1);
    await p.kill();
    relay.silent = false;
    await p.start();
    const all = [...relay.unanswered, ...(await letters(relay, 1))];
    const ids = all.map((l) => readLetter(l.raw).headers['message-id']);
    assert.equal(ids[0], ids[1]);
    await until('it is noted', () => p.sql('SELECT count(*) FROM doc WHERE kind=7 AND status=2') === '1');
    await p.restart();
    await sleep(500);
    assert.equal(relay.texts, 2, 'what is sent stays sent');
});

test('a stop does not wait for a relay that says nothing', async (t) => {
    const { relay, p, owner } = await withRelay(t, { relay: { silent: true } });
    await owner.ok('POST', members, { email: 'vera@example.com', role: 'viewer' });
    await until('the text is with the relay', () => relay.texts === 1);
    const began = Date.now();
    const exit = await p.stop();
    assert.equal(exit.code, 0);
    assert.ok(Date.now() - began < 25_000 * slow, `${Date.now() - began} ms`);
});

test('the link of a letter is nowhere in the files, while it waits nor after', async (t) => {
    const { relay, p, owner } = await withRelay(t, { relay: { answers: { MAIL: ['451 later'] } } });
    const { link } = await owner.ok('POST', members, { email: 'vera@example.com', role: 'viewer' });
    const { readFileSync, readdirSync } = await import('node:fs');
    const stored = () => readdirSync(p.dir).filter((f) => f.startsWith('postrider.db')).some((f) => readFileSync(`${p.dir}/${f}`).includes(link.split('=')[1]));
    await until('the first try', () => relay.verbs.some((v) => v.startsWith('MAIL')));
    assert.equal(stored(), false);
    await letters(relay, 1);
    await p.stop();
    assert.equal(stored(), false);
});

test('without a relay nothing is queued, and the log says so', async (t) => {
    const p = await postrider(t);
    const owner = await firstUser(p);
    assert.match(p.log(), /mail_off.*SMTP_URL/);
    const { link } = await owner.ok('POST', members, { email: 'vera@example.com', role: 'viewer' });
    assert.ok(link);
    assert.equal((await owner.api('POST', forgot, { email: 'owner@example.com' })).status, 202);
    assert.match(p.log(), /mail_not_sent.*invitation/);
    assert.match(p.log(), /mail_not_sent.*password reset/);
    await p.stop();
    const relay = await new Relay().start();
    t.after(() => relay.stop());
    Object.assign(p.settings, { SMTP_URL: relay.url, SMTP_FROM: 'hooks@example.com' });
    await p.start();
    await sleep(700);
    assert.equal(relay.verbs.length, 0, 'nothing waited for a relay');
});

test('addresses that would add something to a letter are refused', async (t) => {
    const { relay, owner } = await withRelay(t);
    for (const email of ['vera@example.com\r\nRCPT TO:<eve@example.com>', 'vera@example.com\nBcc: eve@example.com', 'vera@example.com,eve@example.com', '<vera@example.com>', 'vera@example.com> SIZE=1'])
        assert.equal((await owner.api('POST', members, { email, role: 'viewer' })).status, 422, email);
    assert.equal((await owner.api('POST', forgot, { email: 'owner@example.com\r\nX: y' })).status, 202);
    await owner.ok('POST', members, { email: 'last@example.com', role: 'viewer' });
    const all = await letters(relay, 1);
    await sleep(300);
    assert.deepEqual(all.map((l) => l.to), [['last@example.com']]);
});

test('a relay without a sender stops the start, and says what to write', async (t) => {
    const p = await postrider(t, { settings: { SMTP_URL: 'smtp://127.0.0.1:1' }, start: false }).catch((e) => e);
    assert.match(p instanceof Error ? p.message : '', /SMTP_FROM.*Hooks <hooks@example\.com>/s);
});

test('members of a workspace and its owner hear of an endpoint that fails, once a day, and when it is disabled', async (t) => {
    const { relay, p, owner } = await withRelay(t);
    const retrySchedule = [0.05, 0.05, 0.05, 0.05];
    const app = await p.app({ name: 'Acme\r\nBcc: eve@example.com', metadata: { email: 'Customer <c@example.com>' } });
    const other = await p.app();
    for (const [email, where] of [['vera@example.com', app.id], ['otto@example.com', other.id], ['late@example.com', app.id]]) {
        const { link } = await owner.ok('POST', members, { email, role: 'viewer', app: where });
        if (email !== 'late@example.com') assert.equal((await new Person(p).api('POST', `/api/v1/console/link/${/key=(\w+)/.exec(link)[1]}`, { password: goodPassword })).status, 200);
    }
    await letters(relay, 3); // the invitations
    const r = await receiver(t, { answer: () => 500 });
    const endpoint = await p.endpoint(app, r.url('/hook/s3cret?token=1'), { description: 'orders', retrySchedule });
    await p.send(app, 'a.b');
    await p.send(app, 'a.b');
    const told = (await letters(relay, 5)).slice(3).sort((a, b) => (a.to[0] < b.to[0] ? -1 : 1));
    assert.deepEqual(told.map((l) => l.to), [['c@example.com'], ['vera@example.com']]);
    for (const [i, l] of told.entries()) {
        const { headers, text, names } = readLetter(l.raw);
        assert.equal(headers.subject, 'A webhook endpoint is failing');
        assert.ok(!names.includes('bcc'));
        assert.ok(text.includes('127.0.0.1') && text.includes(endpoint.id) && text.includes('orders') && !text.includes('s3cret'), text);
        assert.equal(text.includes(`http://hooks.example.com/app/${app.id}/webhooks/${endpoint.id}`), i === 1, 'only members have a console');
    }
    await r.arrived(10);
    await sleep(500);
    assert.equal(relay.letters.length, 5, 'four times there was reason to, one was enough');
    const gone = await receiver(t, { answer: () => 410 });
    await p.endpoint(app, gone.url());
    await p.send(app, 'a.b');
    const last = (await letters(relay, 7)).slice(5).map((l) => readLetter(l.raw));
    for (const { headers, text } of last) {
        assert.equal(headers.subject, 'A webhook endpoint was disabled');
        assert.match(text, /410 Gone/);
    }
});

test('one message that fails while others get through is nobody’s letter', async (t) => {
    const { relay, p } = await withRelay(t);
    const app = await p.app({ metadata: { email: 'c@example.com' } });
    let bad = 0;
    let good = 0;
    // Between two failures others get through, however slow the machine is.
    const fail = async () => {
        const before = good;
        bad++;
        await until('another one', () => good >= before + 2);
        return 500;
    };
    const r = await receiver(t, { answer: (q) => (JSON.parse(q.body).bad ? fail() : (good++, 200)) });
    await p.endpoint(app, r.url(), { retrySchedule: [0.3, 0.3, 0.3, 0.3], timeoutMs: 30_000 });
    const message = await p.send(app, 'a.b', { bad: true });
    let over = false;
    const others = (async () => {
        for (; !over; await sleep(40)) await p.send(app, 'a.b', { bad: false });
    })();
    await p.attempted(app, message, 5);
    over = true;
    await others;
    assert.equal(bad, 5);
    await sleep(500);
    assert.deepEqual(relay.letters.map((l) => readLetter(l.raw).text), []);
});

test('doctor looks at the relay', async (t) => {
    const relay = await new Relay({ user: 'u', password: 'right' }).start();
    t.after(() => relay.stop());
    const p = await postrider(t);
    const check = async (settings) => {
        const { stdout } = await p.command(['doctor', '--json', '--name', 'localhost'], { settings });
        const mail = JSON.parse(stdout).checks.find((c) => c.check === 'mail');
        return `${mail.verdict}: ${mail.text}`;
    };
    const SMTP_FROM = 'hooks@example.com';
    assert.match(await check({}), /^ok: no POSTRIDER_SMTP_URL/);
    assert.match(await check({ SMTP_URL: relay.url }), /^fail: set POSTRIDER_SMTP_FROM/);
    assert.match(await check({ SMTP_URL: relay.url, SMTP_FROM }), /^ok: the relay takes mail from hooks@example\.com/);
    assert.ok(relay.verbs.some((v) => v.startsWith('EHLO')) && relay.verbs.includes('AUTH'));
    assert.match(await check({ SMTP_URL: relay.url.replace('right', 'wrong'), SMTP_FROM }), /^fail: .*535 5\.7\.8/);
    await relay.stop();
    assert.match(await check({ SMTP_URL: relay.url, SMTP_FROM }), /^fail: .*connect/i);
    assert.equal(relay.letters.length, 0);
});

// One letter asked for; what becomes of it.
async function inviteThrough(t, options, settings) {
    const got = await withRelay(t, { relay: options, settings });
    await got.owner.ok('POST', members, { email: 'vera@example.com', role: 'viewer' });
    return got;
}
const encryptions = (relay) => relay.letters.map((l) => [l.encrypted, l.signedIn]);

test('smtps://: TLS from the start, with a certificate that is good', async (t) => {
    const ca = authority(t);
    const certificate = ca.issue(['IP:127.0.0.1', 'DNS:localhost']);
    const good = await inviteThrough(t, { certificate, implicit: true, user: 'u', password: 'p' }, { CA_FILE: ca.path });
    await letters(good.relay, 1);
    assert.deepEqual(encryptions(good.relay), [[true, true]]);
    // Nobody vouches for it, or it is somebody else's: the password does not leave.
    const stranger = await inviteThrough(t, { certificate, implicit: true, user: 'u', password: 'p' });
    await logged(stranger.p, /certificate/i);
    const other = await inviteThrough(t, { certificate: ca.issue(['DNS:other.example']), implicit: true, user: 'u', password: 'p' }, { CA_FILE: ca.path });
    await logged(other.p, /no alternative certificate|SSL|certificate/i);
    for (const { relay } of [stranger, other]) assert.deepEqual([relay.letters, relay.verbs], [[], []]);
    const { stdout } = await stranger.p.command(['doctor', '--json', '--name', 'localhost'], { settings: { SMTP_URL: stranger.relay.url } });
    assert.match(stdout, /certificate/i);
});

test('smtp://: STARTTLS where it is offered, and must be where a password goes to another machine', async (t) => {
    const ca = authority(t);
    const certificate = ca.issue(['DNS:relay.localhost']);
    const far = { host: 'relay.localhost', user: 'u', password: 'p' };
    // On this machine any certificate will do: whoever could show a wrong one could as well offer no TLS.
    const near = await inviteThrough(t, { certificate });
    await letters(near.relay, 1);
    assert.deepEqual(encryptions(near.relay), [[true, true]]);
    assert.deepEqual(near.relay.verbs.filter((v) => /^(EHLO|STARTTLS)/.test(v)).map((v) => v.split(' ')[0]), ['EHLO', 'STARTTLS', 'EHLO']);
    const good = await inviteThrough(t, { ...far, certificate }, { CA_FILE: ca.path });
    await letters(good.relay, 1);
    assert.deepEqual(encryptions(good.relay), [[true, true]]);
    const plain = await inviteThrough(t, far, { CA_FILE: ca.path });
    await logged(plain.p, /STARTTLS/);
    const stranger = await inviteThrough(t, { ...far, certificate });
    await logged(stranger.p, /certificate/i);
    const refused = await inviteThrough(t, { ...far, certificate, answers: { STARTTLS: ['454 not now'] } }, { CA_FILE: ca.path });
    await logged(refused.p, /454 not now|STARTTLS/);
    for (const { relay } of [plain, stranger, refused]) assert.deepEqual([relay.letters, relay.verbs.filter((v) => v === 'AUTH')], [[], []]);
});
