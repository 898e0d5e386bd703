// SPDX-License-Identifier: Apache-2.0
// A token server (RFC 6749): gives token-1, token-2, …, unless `answer` says otherwise. Each request is kept with its form's fields in
// `params`.
import { Receiver } from './receiver.mjs';

export async function tokenServer(t, { answer, life = 3600, ...options } = {}) {
    const s = new Receiver({
        ...options,
        answer: async (q, n) => {
            q.params = Object.fromEntries(new URLSearchParams(q.body.toString()));
            const special = await answer?.(q, n);
            if (special !== undefined && !special?.token) return special;
            const token = special?.token ?? { access_token: `token-${++s.given}`, token_type: 'bearer', ...(life === null ? {} : { expires_in: life }) };
            return { status: 200, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(token) };
        },
    });
    s.given = 0;
    await s.listen(options);
    t.after(() => s.close());
    return s;
}
