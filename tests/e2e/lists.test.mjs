// SPDX-License-Identifier: Apache-2.0
// Lists of messages and attempts: pages through many while more arrive, filters in every form, filters that hardly anything fits.
import assert from 'node:assert/strict';
import test from 'node:test';
import { postrider, slow } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { eachOf, sleep, until } from './lib/wait.mjs';

const MESSAGES = 40_000 / slow;
const query = (fields) => new URLSearchParams(Object.entries(fields).flatMap(([k, v]) => [].concat(v).map((x) => [k, String(x)])));

// Every page of a list from the iterator on, in its direction.
async function* pages(p, path, fields = {}, { back = false, iterator } = {}) {
    for (;;) {
        const from = performance.now();
        const page = await p.ok('GET', `${path}?${query({ ...fields, ...(iterator && { iterator }) })}`);
        yield { ...page, ms: performance.now() - from };
        if (page.done) return;
        iterator = back ? page.prevIterator : page.iterator;
        assert.ok(iterator, 'a page that is not the last says where it goes on');
    }
}

async function all(p, path, fields, options) {
    const items = [];
    for await (const page of pages(p, path, fields, options)) items.splice(options?.back ? 0 : items.length, 0, ...page.data);
    return items;
}

const ids = (items) => items.map((x) => x.id);

test('pages of 250 through many messages while new ones arrive', { timeout: 600_000 * slow }, async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const path = `/api/v1/app/${app.id}/msg`;
    const made = [];
    const rare = new Set();
    await eachOf(Array.from({ length: MESSAGES }, (_, i) => i), 128, async (i) => {
        const isRare = i === 7 || i === MESSAGES / 2 || i === MESSAGES - 7;
        const m = await p.ok('POST', path, `{"eventType":"${isRare ? 'rare.type' : 'some.type'}","payload":{}}`);
        made.push(m.id);
        if (isRare) rare.add(m.id);
    });
    let writing = true;
    const writer = (async () => {
        while (writing) await p.send(app, 'new.type', '{}');
    })();
    const seen = [];
    const times = [];
    for await (const page of pages(p, path, { limit: 250, with_content: false })) {
        seen.push(...ids(page.data));
        times.push(page.ms);
        if (!page.done) assert.equal(page.data.length, 250, 'without a filter every page is full');
    }
    writing = false;
    await writer;
    assert.equal(new Set(seen).size, seen.length, 'none twice');
    const had = new Set(seen);
    assert.deepEqual(made.filter((id) => !had.has(id)), [], 'none missing');
    assert.deepEqual(seen, seen.toSorted().reverse(), 'newest first');
    const n = Math.floor(times.length / 4);
    const [first, last] = [Math.min(...times.slice(0, n)), Math.min(...times.slice(-n))];
    assert.ok(last < 2 * first + 3, `the first pages took ${first.toFixed(1)} ms, the last ${last.toFixed(1)} ms`);

    await t.test('a filter that three fit finds them, page by page, in both directions', async () => {
        let short = 0;
        const found = [];
        let end;
        for await (const page of pages(p, path, { limit: 250, event_types: 'rare.type' })) {
            found.push(...ids(page.data));
            short += page.data.length < 250 && !page.done;
            end = page.iterator ?? end;
        }
        assert.deepEqual(new Set(found), rare);
        assert.ok(short > 10, `a page looks at so many rows and no more: ${short} were cut`);
        assert.deepEqual(ids(await all(p, path, { limit: 250, event_types: 'rare.type' }, { back: true, iterator: `-${seen.at(-1)}` })), found);
        const turned = await p.ok('GET', `${path}?${query({ limit: 2, event_types: 'rare.type', iterator: end })}`);
        assert.deepEqual(turned.data.map((x) => rare.has(x.id)).includes(false), false);
    });

    await t.test('a filter that nothing fits ends', async () => {
        assert.deepEqual(await all(p, path, { event_types: 'no.type' }), []);
        assert.deepEqual(await all(p, path, { tag: 'none' }), []);
        assert.deepEqual(await all(p, path, { channel: 'none' }, { back: true, iterator: `-${seen.at(-1)}` }), []);
    });
});

async function someTraffic(t) {
    const p = await postrider(t, { settings: { RETRY_SCHEDULE: '' } });
    const r = await receiver(t);
    const failing = await receiver(t, { answer: () => ({ status: 503, body: 'no' }) });
    const app = await p.app();
    const good = await p.endpoint(app, r.url(), { uid: 'good' });
    const bad = await p.endpoint(app, failing.url(), { uid: 'bad', channels: ['c1', 'c2'] });
    const messages = [];
    const tried = () => until('all are tried', async () => (await Promise.all(messages.map((m) => p.attempts(app, m)))).every((x) => x.length === 2));
    let middle;
    for (const [i, type] of ['a.b', 'a.c', 'a.d', 'a.b', 'a.c', 'a.d'].entries()) {
        messages.push(await p.send(app, type, { i }, { channels: [i < 3 ? 'c1' : 'c2'], tags: [i % 2 ? 'odd' : 'even'] }));
        if (i !== 2) continue;
        await tried(); // attempts have times of their own
        middle = new Date(Date.now() + 20).toISOString();
        await sleep(40);
    }
    await tried();
    return { p, app, good, bad, messages, middle };
}

test('every list has its filters', { timeout: 300_000 * slow }, async (t) => {
    const { p, app, good, bad, messages, middle } = await someTraffic(t);
    const base = `/api/v1/app/${app.id}`;
    const newestFirst = messages.toReversed();
    const only = (fn) => newestFirst.filter(fn);
    const common = [
        [{}, () => true],
        [{ event_types: ['a.b', 'a.c'] }, (m) => m.eventType !== 'a.d'],
        [{ event_types: 'a.b,a.d' }, (m) => m.eventType !== 'a.c'],
        [{ 'event_types[]': ['a.c', 'a.d'] }, (m) => m.eventType !== 'a.b'],
        [{ channel: 'c2' }, (m) => m.channels[0] === 'c2'],
        [{ tag: 'odd' }, (m) => m.tags[0] === 'odd'],
        [{ before: middle }, (m) => m.timestamp < middle],
        [{ after: middle }, (m) => m.timestamp > middle],
        [{ channel: 'c1', tag: 'even', event_types: 'a.b' }, (m) => m === messages[0]],
    ];
    const statuses = [
        [{ status: 2 }, () => true],
        [{ status: 0 }, () => false],
        [{ status: 2, expanded_statuses: true }, () => true],
        [{ status: 4, expanded_statuses: true }, () => false],
    ];
    const classes = [
        [{ status_code_class: 500 }, () => true],
        [{ status_code_class: 200 }, () => false],
        [{ status_code_class: 0 }, () => false],
    ];
    const lists = [
        [`${base}/msg`, (x) => x.id, common],
        [`${base}/endpoint/${bad.id}/msg`, (x) => x.id, [...common, ...statuses]],
        [`${base}/attempt/endpoint/bad`, (x) => x.msgId, [...common, ...statuses, ...classes]],
    ];
    for (const [path, name, filters] of lists)
        for (const [fields, fits] of filters)
            await t.test(`${path.replace(base, '')} ${query(fields)}`, async () => {
                const expected = only(fits).map((m) => m.id);
                assert.deepEqual((await all(p, path, fields)).map(name), expected);
                const small = await all(p, path, { ...fields, limit: 2 });
                assert.deepEqual(small.map(name), expected);
                if (small.length < 3) return;
                const back = await all(p, path, { ...fields, limit: 2 }, { back: true, iterator: `-${small.at(-1).id}` });
                assert.deepEqual(back.map(name), expected.slice(0, -1));
            });

    await t.test('attempts of a message', async () => {
        const [m] = messages;
        const list = async (fields) => (await all(p, `${base}/attempt/msg/${m.id}`, fields)).map((x) => x.endpointId);
        assert.deepEqual(new Set(await list({})), new Set([good.id, bad.id]));
        for (const [fields, expected] of [
            [{ endpoint_id: 'bad' }, [bad.id]],
            [{ endpoint_id: good.id }, [good.id]],
            [{ status: 0 }, [good.id]],
            [{ status: 2 }, [bad.id]],
            [{ status_code_class: 200 }, [good.id]],
            [{ event_types: 'a.b', status: 2 }, [bad.id]],
            [{ event_types: 'a.c' }, []],
            [{ channel: 'c1', tag: 'even', status: 0 }, [good.id]],
            [{ channel: 'c2' }, []],
            [{ after: middle }, []],
            [{ before: middle, endpoint_id: 'good' }, [good.id]],
        ])
            assert.deepEqual(await list(fields), expected, JSON.stringify(fields));
    });

    await t.test('destinations of a message, by id', async () => {
        const path = `${base}/msg/${messages[0].id}/endpoint`;
        assert.deepEqual(ids(await all(p, path, { limit: 1 })), [good.id, bad.id]);
        assert.deepEqual(ids(await all(p, path, { limit: 1 }, { back: true, iterator: `-${bad.id}` })), [good.id]);
    });

    await t.test('with and without content and message', async () => {
        const one = async (path, fields) => (await p.ok('GET', `${base}${path}?${query({ limit: 1, ...fields })}`)).data[0];
        assert.deepEqual((await one('/msg', {})).payload, { i: 5 });
        assert.deepEqual((await one('/msg', { with_content: false })).payload, {});
        assert.deepEqual((await one('/endpoint/bad/msg', { with_content: false })).payload, {});
        assert.equal((await one('/attempt/endpoint/bad', { with_msg: true })).msg.id, messages[5].id);
        assert.equal((await one('/attempt/endpoint/bad', {})).msg, null);
        assert.ok((await one('/attempt/endpoint/bad', {})).requestHeaders);
        assert.equal((await one('/attempt/endpoint/bad', { with_content: false })).requestHeaders, undefined);
    });

    await t.test('what cannot be a filter is said', async () => {
        for (const [path, fields, status] of [
            ['/msg', { limit: 251 }, 422],
            ['/msg', { iterator: 'msg_none' }, 422],
            ['/msg', { before: 'yesterday' }, 400],
            ['/msg', { channel: 'a b' }, 422],
            ['/attempt/endpoint/bad', { status: 5 }, 422],
            ['/attempt/endpoint/bad', { status_code_class: 250 }, 422],
            ['/attempt/endpoint/bad', { with_msg: 'maybe' }, 400],
            [`/attempt/msg/${messages[0].id}`, { endpoint_id: 'nobody' }, 404],
        ])
            assert.equal((await p.api('GET', `${base}${path}?${query(fields)}`)).status, status, `${path} ${query(fields)}`);
    });
});
