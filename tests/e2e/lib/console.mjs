// SPDX-License-Identifier: Apache-2.0
// A person in front of the console, without the page: cookie, CSRF token, environment.
import { ApiError } from './postrider.mjs';
import { until } from './wait.mjs';

export const goodPassword = 'orange-tractor-7';

// The one-time link that a server without users prints, only its key.
export async function firstKey(p) {
    let key;
    await until(
        () => `a link in the log:\n${p.log()}`,
        async () => (key = [...p.log().matchAll(/\/link#key=(\w+)/g)].at(-1)?.[1]) !== undefined,
    );
    return key;
}

export class Person {
    constructor(p) {
        this.p = p;
        this.cookie = undefined;
        this.csrf = undefined;
        this.environment = undefined;
    }

    headers(extra = {}) {
        return {
            ...(this.cookie ? { cookie: this.cookie } : {}),
            ...(this.csrf ? { 'x-csrf-token': this.csrf } : {}),
            ...(this.environment ? { 'postrider-environment': this.environment } : {}),
            ...extra,
        };
    }

    async api(method, path, body, { headers = {} } = {}) {
        const answer = await this.p.api(method, path, body, { token: null, headers: this.headers(headers) });
        for (const line of answer.headers['set-cookie'] ?? []) {
            const [pair] = line.split(';');
            this.cookie = pair.endsWith('=') ? undefined : pair;
        }
        if (answer.json?.csrf) this.csrf = answer.json.csrf;
        return answer;
    }

    async ok(method, path, body, options) {
        const answer = await this.api(method, path, body, options);
        if (answer.status < 200 || answer.status > 299) throw new ApiError(method, path, answer);
        return answer.json;
    }

    signIn(email, password = goodPassword, code) {
        return this.api('POST', '/api/v1/console/session', { email, password, ...(code ? { code } : {}) });
    }
}

// The first user of a new server, signed in: an owner.
export async function firstUser(p, email = 'owner@example.com') {
    const person = new Person(p);
    await person.ok('POST', `/api/v1/console/link/${await firstKey(p)}`, { email, password: goodPassword, name: 'Olivia Owner' });
    return person;
}
