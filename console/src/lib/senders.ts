// SPDX-License-Identifier: Apache-2.0
// Who may send requests to a Trigger URL: what the server knows by name, and the profiles of the environment.
import { api } from './api';
import { all } from './load';
import type { Profile } from './types';

// As the API lists them.
interface Provider {
    name: string;
    title: string;
    secret: 'shared' | 'token' | 'public_key';
    header: string;
}

export interface Sender {
    value: string;
    text: string;
    secret: string; // what is asked for
    header: string; // where it, or the signature, stands unless another is named
}

export interface Senders {
    schemes: Sender[]; // for any sender
    known: Sender[];
    own: Sender[];
}

// What is not a product but a way of proving it.
const schemes: [string, string, string][] = [
    ['bearer', 'A token: Authorization: Bearer …', 'Token'],
    ['basic', 'User name and password (Basic)', 'user:password'],
    ['header', 'A secret in a header', 'Value of the header'],
    ['hmac', 'A signature: HMAC-SHA256 of the body', 'Secret'],
    ['standard', 'Standard Webhooks, Svix', 'Secret'],
];

// As the sender's own pages call it.
const secretNames: Record<string, string> = {
    'adobe-sign': 'Client id',
    gitlab: 'Secret token',
    hubspot: 'Client secret',
    meta: 'App secret',
    okta: 'Authentication secret',
    slack: 'Signing secret',
    twilio: 'Auth token',
    xero: 'Webhook key',
    zoom: 'Secret token',
};
const kinds = { shared: 'Secret', token: 'Token', public_key: 'Public key' };

export async function loadSenders(signal: AbortSignal): Promise<Senders> {
    const [{ data }, profiles] = await Promise.all([api.get<{ data: Provider[] }>('/provider', {}, { signal }), all<Profile>('/profile', {}, signal)]);
    const header = (name: string) => data.find((p) => p.name === name)?.header ?? '';
    return {
        schemes: schemes.filter(([name]) => data.some((p) => p.name === name)).map(([value, text, secret]) => ({ value, text, secret, header: header(value) })),
        known: data
            .filter((p) => !schemes.some(([name]) => name === p.name))
            .map((p) => ({ value: p.name, text: p.title, secret: secretNames[p.name] ?? kinds[p.secret] ?? 'Secret', header: p.header }))
            .sort((a, b) => a.text.localeCompare(b.text)),
        own: profiles.filter((p) => !data.some((known) => known.name === p.name)).map((p) => ({ value: p.name, text: p.name, secret: 'Secret', header: '' })),
    };
}
