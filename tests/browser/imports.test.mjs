// SPDX-License-Identifier: Apache-2.0
// Files of records in the console: picked, mapped, checked, imported while one watches; exported and imported again.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before } from 'node:test';
import { openPage, portal, setUp, signUp, step, test, violations, whyNot } from './lib.mjs';

let all;
before(async (t) => {
    all = await setUp(t);
    all.skip = await whyNot(all.p);
});

const shots = process.env.SHOTS;
const shot = async (page, name) => shots && page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });

const file = [
    'E-Mail,Name,address.city,Age,Labels,internal',
    'ada@example.com,"Ada Lovelace, Countess",London,36,"Customer; vip",x',
    'grace@example.com,Grace Hopper,New York,not yet,,y',
    'zofia@example.com,Żofia,,41,,z',
    ',Nobody,,1,,',
].join('\r\n');

test('contacts are imported from a file: columns mapped, checked, then written', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Contoso', profile: 'myra' });
    const page = await openPage(browser, origin);
    await portal(page, p, app);
    await step('from the empty list', async () => {
        await page.goto('/portal/records/contact');
        await page.getByText('No contacts yet').waitFor();
        await shot(page, 'empty');
        await page.getByRole('link', { name: 'Import' }).click();
        await page.getByRole('heading', { name: 'Import contacts' }).waitFor();
        assert.deepEqual(await violations(page), []);
    });
    await step('what is no text is refused before anything is sent', async () => {
        for (const [name, bytes, words] of [
            ['people.xlsx', Buffer.from('PK\x03\x04\x14\x00\x06\x00'), /it is no text in UTF-8.*save or export it as CSV/],
            ['people.csv', Buffer.from('email,name\r\nzoe@example.com,Zo\xeb', 'latin1'), /it is no text in UTF-8/],
            ['people.csv', Buffer.from('\n'), /it is empty/],
        ]) {
            await page.getByLabel('File to import').setInputFiles({ name, mimeType: 'application/octet-stream', buffer: bytes });
            await page.getByText(words).waitFor();
            assert.equal(await page.getByRole('button', { name: 'Import', exact: true }).count(), 0);
        }
        assert.deepEqual(await violations(page), []);
    });
    await step('a file', async () => {
        await page.getByLabel('File to import').setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(file) });
        await page.getByRole('heading', { name: 'Columns' }).waitFor();
    });
    await step('the columns: the key is found, the rest is told', async () => {
        assert.equal(await page.getByLabel('Field for E-Mail').inputValue(), 'email');
        assert.equal(await page.getByLabel('Field for Name').inputValue(), 'name');
        assert.equal(await page.getByLabel('Field for address.city').inputValue(), 'address.city');
        await page.getByText('ada@example.com · grace@example.com').waitFor();
        await page.getByLabel('Field for Age').fill('facts.age');
        await page.getByLabel('Kind of Age').selectOption('Number');
        await page.getByLabel('Kind of Labels').selectOption('Tags');
        await page.getByLabel('Kind of internal').selectOption('Leave out');
        await page.getByLabel('Tag for all of them').fill('Imported');
        assert.deepEqual(await violations(page), []);
        await shot(page, 'columns');
    });
    await step('what cannot be is said before', async () => {
        await page.getByLabel('Field for Name').fill('email');
        await page.getByRole('button', { name: 'Check the file' }).click();
        await page.getByText('Two columns go to “email”.').waitFor();
        await page.getByLabel('Field for Name').fill('name');
    });
    await step('checked: nothing is written', async () => {
        await page.getByRole('button', { name: 'Check the file' }).click();
        await page.getByText('Checked', { exact: true }).first().waitFor();
        await page.getByText('Age: "not yet" is no number such as 12 or 9.50').waitFor();
        await page.getByText('Nothing was written. The other rows can be imported as they are.').waitFor();
        await page.getByText('email, which names the record, is empty').waitFor();
        assert.deepEqual(await violations(page), []);
        await shot(page, 'checked');
        assert.deepEqual((await p.ok('GET', `/api/v1/app/${app.id}/record/contact`)).data, []);
    });
    await step('imported', async () => {
        await page.getByRole('button', { name: 'Import', exact: true }).click();
        await page.getByText('Imported', { exact: true }).first().waitFor();
        await page.getByText('4 of 4 rows').waitFor();
        await shot(page, 'imported');
        const { data } = await p.ok('GET', `/api/v1/app/${app.id}/record/contact?order=ascending`);
        assert.deepEqual(data.map((x) => [x.data, x.tags]), [
            [{ email: 'ada@example.com', name: 'Ada Lovelace, Countess', address: { city: 'London' }, facts: { age: 36 } }, ['Imported', 'Customer', 'vip']],
            [{ email: 'zofia@example.com', name: 'Żofia', facts: { age: 41 } }, ['Imported']],
        ]);
    });
    await step('the list, searched; the history says whence', async () => {
        await page.getByRole('link', { name: 'Show the records' }).click();
        await page.getByRole('link', { name: 'ada@example.com' }).waitFor();
        await shot(page, 'list');
        await page.getByRole('searchbox', { name: 'Search' }).fill('żOFIA');
        await page.keyboard.press('Enter');
        await page.getByRole('link', { name: 'ada@example.com' }).waitFor({ state: 'detached' });
        await page.getByRole('link', { name: 'zofia@example.com' }).click();
        await page.getByText(', from a file').waitFor();
        assert.deepEqual(await violations(page), []);
        await shot(page, 'record');
    });
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('a field called tags and the tags: two columns of one name', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Northwind', profile: 'myra' });
    const page = await openPage(browser, origin);
    await portal(page, p, app);
    await page.goto('/portal/records/contact/import');
    await page.getByLabel('File to import').setInputFiles({ name: 'tags.csv', mimeType: 'text/csv', buffer: Buffer.from('email,tags,tags\nada@example.com,"a, b","vip, new"\n') });
    await page.getByRole('heading', { name: 'Columns' }).waitFor();
    assert.equal(await page.getByLabel('Field for tags').inputValue(), 'tags');
    assert.deepEqual(await Promise.all([0, 1].map((i) => page.getByLabel('Kind of tags').nth(i).inputValue())), ['text', 'tags']);
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    await page.getByText('1 of 1 rows').waitFor();
    const contacts = async () => (await p.ok('GET', `/api/v1/app/${app.id}/record/contact`)).data.map((x) => [x.data, x.tags]);
    assert.deepEqual(await contacts(), [[{ email: 'ada@example.com', tags: 'a, b' }, ['vip', 'new']]]);
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('a long import is watched, survives a reload and is cancelled', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Fabrikam', profile: 'metapulse' });
    const page = await openPage(browser, origin);
    await portal(page, p, app);
    await page.goto('/portal/records/data_point/import');
    const lines = Array.from({ length: 150_000 }, (_, i) => `{"external_id":"${i}","value":${i}.50}\n`).join('');
    const points = join(p.dir, 'points.jsonl');
    writeFileSync(points, lines);
    await page.getByLabel('File to import').setInputFiles(points);
    await page.getByRole('heading', { name: 'First lines' }).waitFor();
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    await page.getByRole('progressbar').waitFor();
    await page.getByText(/[1-9][\d,.\s]* of 150[,.\s]?000 rows/).waitFor();
    await shot(page, 'running');
    await page.reload();
    await page.getByRole('progressbar').waitFor();
    assert.deepEqual(await violations(page), []);
    await page.getByRole('button', { name: 'Cancel import' }).click();
    await page.getByText('Cancelled', { exact: true }).first().waitFor();
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});

test('what is exported can be imported: values, numbers and tags as they were', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const from = await p.app({ name: 'From', profile: 'myra' });
    const base = `/api/v1/app/${from.id}/record/deal`;
    const bodies = ['{"data":{"external_id":"a","n":9007199254740993,"price":1.10,"at":{"b":{"c":"x, \\"y\\"\\nz"}},"list":[1.0,{"q":null}]},"tags":["one","with, comma"]}', '{"data":{"external_id":"b","formula":"=1+1","phone":"+48 123","empty":{}},"tags":["x","y"]}'];
    for (const body of bodies) await p.ok('POST', base, body);
    for (let i = 0; i < 300; i++) await p.ok('POST', base, { data: { external_id: `m${i}`, stage: 'new' } });
    const page = await openPage(browser, origin, { acceptDownloads: true });
    await portal(page, p, from);
    const save = async (format) => {
        await page.goto('/portal/records/deal');
        await page.getByRole('button', { name: 'Export' }).click();
        const dialog = page.getByRole('dialog');
        await dialog.getByRole('button', { name: format }).click();
        assert.deepEqual(await violations(page), []);
        await shot(page, `export-${format}`);
        const [download] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'Export' }).click()]);
        await dialog.waitFor({ state: 'detached' });
        return { name: download.suggestedFilename(), text: readFileSync(await download.path(), 'utf8') };
    };
    const jsonl = await save('JSON lines');
    assert.equal(jsonl.name, 'Deals.jsonl');
    assert.equal(jsonl.text.trim().split('\n').length, 302);
    assert.match(jsonl.text, /"n":9007199254740993,"price":1\.10/);
    const csv = await save('CSV');
    assert.equal(csv.name, 'Deals.csv');
    assert.match(csv.text, /^\ufeffexternal_id,n,price,at\.b\.c,list,formula,phone,empty,stage,tags\r\na,9007199254740993,1\.10,"x, ""y""\nz","\[1\.0,\{""q"":null\}\]",,,,,"\[""one"",""with, comma""\]"\r\n/);
    assert.match(csv.text, /\nb,,,,,'=1\+1,\+48 123,\{\},,"x, y"\r\n/);
    const end = async (app, body, type, query) => {
        const { id } = await p.ok('POST', `/api/v1/app/${app.id}/record/deal/import?${query}`, Buffer.from(body), { headers: { 'content-type': type } });
        for (;;) {
            const task = await p.ok('GET', `/api/v1/background-task/${id}`);
            if (task.status !== 'running') return task.data;
        }
    };
    const to = await p.app({ name: 'To', profile: 'myra' });
    assert.deepEqual([(await end(to, jsonl.text, 'application/x-ndjson', '')).created, (await end(to, csv.text, 'text/csv', 'map=n:n:number&map=price:price:number&map=list:list:json&map=formula:&map=empty:empty:json')).unchanged], [302, 302]);
    for (const key of ['a', 'b']) {
        const [x, y] = await Promise.all([from, to].map((app) => p.api('GET', `/api/v1/app/${app.id}/record/deal/${key}`)));
        const rest = (s) => s.text.replace(/^.*?"type"/, '').replace(/"version".*/, '');
        assert.equal(rest(x), rest(y));
    }
    await page.context().close();
});

test('every type of both products has its page; who may only look imports nothing', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const names = {
        myra: { booking: 'Bookings', call: 'Calls', contact: 'Contacts', deal: 'Deals', esignature: 'Esignatures', form_submission: 'Form submissions' },
        metapulse: { data_point: 'Data points', event: 'Events', graph: 'Graphs', knowledge_item: 'Knowledge items', member: 'Members', objective: 'Objectives', position: 'Positions', team: 'Teams' },
    };
    for (const [profile, types] of Object.entries(names)) {
        const app = await p.app({ name: profile, profile });
        const page = await openPage(browser, origin);
        const ids = {};
        for (const [type, name] of Object.entries(types)) ids[type] = (await p.ok('POST', `/api/v1/app/${app.id}/record/${type}`, { data: { name: `One of the ${name}` } })).id;
        await portal(page, p, app, { readOnly: true });
        await page.getByRole('link', { name: 'Records' }).click();
        const links = page.getByRole('navigation', { name: 'Main' });
        for (const [type, name] of Object.entries(types)) {
            await links.getByRole('link', { name, exact: true }).click();
            await page.getByRole('heading', { name, exact: true }).waitFor();
            await page.getByRole('link', { name: `One of the ${name}` }).click();
            await page.getByRole('heading', { name: `One of the ${name}` }).waitFor();
            assert.ok(page.url().endsWith(`/records/${type}/${ids[type]}`));
        }
        for (const name of ['Import', 'New record']) assert.equal(await page.getByText(name, { exact: true }).count(), 0);
        await page.goto(`/portal/records/${Object.keys(types)[0]}/import`);
        await page.getByText('You may look here, but not change anything.').waitFor();
        assert.deepEqual(page.wrongs, []);
        await page.context().close();
    }
});

test('an operator imports too, on a narrow screen in the dark', async (t) => {
    if (all.skip) return t.skip(all.skip);
    const { p, browser, origin } = all;
    const app = await p.app({ name: 'Tailspin', profile: 'myra' });
    const page = await openPage(browser, origin, { colorScheme: 'dark', viewport: { width: 360, height: 740 } });
    await signUp(page, p);
    await page.goto(`/app/${app.id}/records/contact/import`);
    await page.getByLabel('File to import').setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(file) });
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    await page.getByText('4 of 4 rows').waitFor();
    assert.deepEqual(await violations(page), []);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${wide} pixels too wide`);
    await shot(page, 'narrow');
    const contact = await p.ok('GET', `/api/v1/app/${app.id}/record/contact/ada@example.com/history`);
    assert.equal(contact.data[0].actor.type, 'user');
    await page.reload();
    await page.getByRole('link', { name: 'people.csv' }).waitFor();
    assert.deepEqual(page.wrongs, []);
    await page.context().close();
});
