// SPDX-License-Identifier: Apache-2.0
// A workspace with automations: published, and their runs waited for.
import assert from 'node:assert/strict';
import { postrider } from './postrider.mjs';
import { until } from './wait.mjs';

export class Workspace {
    constructor(p, app) {
        Object.assign(this, { p, app, base: `/api/v1/app/${app.id}` });
    }

    static async open(t, options) {
        const p = await postrider(t, options);
        return new Workspace(p, await p.app({ profile: 'myra' }));
    }

    post(path, body) {
        return this.p.api('POST', this.base + path, body);
    }

    ok(method, path, body) {
        return this.p.ok(method, this.base + path, body);
    }

    async publish(definition) {
        const made = await this.ok('POST', '/automation', { name: 'An automation', ...definition });
        assert.equal(made.status, 'draft');
        return this.ok('POST', `/automation/${made.id}/publish`);
    }

    // A run of this automation, once it is as `wanted` says.
    async run(automation, wanted = (r) => !['running', 'waiting'].includes(r.status), n = 0) {
        let found;
        await until(
            () => `a run of ${automation.id}; the last is ${JSON.stringify(found)}`,
            async () => {
                const runs = (await this.ok('GET', `/automation/${automation.id}/run`)).data;
                found = runs[runs.length - 1 - n];
                return found && wanted(found);
            },
        );
        return this.ok('GET', `/automation/${automation.id}/run/${found.id}`);
    }

    async runs(automation) {
        return (await this.ok('GET', `/automation/${automation.id}/run?limit=250`)).data;
    }
}

export const on = (event) => ({ type: 'event', event });
// A step of a run.
export const step = (run, id) => run.steps.find((s) => s.id === id);
