// SPDX-License-Identifier: Apache-2.0
// Code that checks a signature, ready to be pasted: made from the profile, so that it fits profiles of one's own too.
import type { Profile } from './types';

export const languages = ['Node', 'Ruby', 'Python', 'Go', 'PHP'] as const;
export type Language = (typeof languages)[number];

interface Recipe {
    signature: string; // header
    timestamp: string | null; // header
    parts: ('timestamp' | 'body' | string)[]; // of the signed string
    hash: 'sha256' | 'sha1' | 'sha512';
    encoding: 'hex' | 'base64';
    prefix: string; // of the header's value, such as "sha256="
}

// What is a plain HMAC over timestamp and body; anything else has its own words (null).
function recipe(p: Profile): Recipe | null {
    const headers = Object.entries(p.headers ?? {});
    const own = p as Profile & { signatureFormat?: string; secret?: { keyDecoding?: string } };
    const format = own.signatureFormat ?? '{signature}';
    const signature = headers.find(([, v]) => v === '{signature}')?.[0];
    const timestamp = headers.find(([, v]) => v === '{timestamp}')?.[0] ?? null;
    const hash = /^hmac-(sha256|sha1|sha512)$/.exec(p.algorithm ?? '')?.[1] as Recipe['hash'] | undefined;
    const signed = p.signedString ?? '';
    if (!signature || !hash || (own.secret?.keyDecoding ?? 'raw') !== 'raw' || !format.endsWith('{signature}')) return null;
    const parts = signed.split(/(\{body\}|\{timestamp\})/).filter(Boolean).map((s) => (s === '{body}' ? 'body' : s === '{timestamp}' ? 'timestamp' : s));
    if (parts.some((s) => s.includes('{')) || (parts.includes('timestamp') && !timestamp)) return null;
    return { signature, timestamp: parts.includes('timestamp') ? timestamp : null, parts, hash, encoding: p.encoding === 'base64' ? 'base64' : 'hex', prefix: format.slice(0, -'{signature}'.length) };
}

const standard: Record<Language, string> = {
    Node: `// npm install standardwebhooks
import { Webhook } from 'standardwebhooks';

const webhook = new Webhook(process.env.WEBHOOK_SECRET);

// body: the raw request body, before any JSON parser
const event = webhook.verify(body, request.headers);`,
    Ruby: `# gem install standardwebhooks
require 'standardwebhooks'

webhook = StandardWebhooks::Webhook.new(ENV['WEBHOOK_SECRET'])

# body: the raw request body
event = webhook.verify(body, headers)`,
    Python: `# pip install standardwebhooks
from standardwebhooks.webhooks import Webhook

webhook = Webhook(os.environ["WEBHOOK_SECRET"])

# body: the raw request body
event = webhook.verify(body, headers)`,
    Go: `// go get github.com/standard-webhooks/standard-webhooks/libraries/go
import standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

webhook, err := standardwebhooks.NewWebhook(os.Getenv("WEBHOOK_SECRET"))

// body: the raw request body
err = webhook.Verify(body, request.Header)`,
    PHP: `// composer require standard-webhooks/standard-webhooks
$webhook = new \\StandardWebhooks\\Webhook(getenv('WEBHOOK_SECRET'));

// $body: the raw request body, file_get_contents('php://input')
$event = $webhook->verify($body, $headers);`,
};

const prefixed = (r: Recipe, code: string, quote = "'", plus = ' + ') => (r.prefix ? `${quote}${r.prefix}${quote}${plus}${code}` : code);

function join(r: Recipe, one: (part: string) => string, literal: (text: string) => string, plus: string): string {
    return r.parts.map((p) => (p === 'body' || p === 'timestamp' ? one(p) : literal(p))).join(plus);
}

function node(r: Recipe): string {
    const lower = (h: string) => `request.headers['${h.toLowerCase()}']`;
    const updates = r.parts.map((p) => (p === 'body' || p === 'timestamp' ? `.update(${p})` : `.update('${p}')`)).join('');
    return `const crypto = require('crypto');

// body: the raw request body, before any JSON parser
function verifyWebhook(body, request, secret) {
  const signature = ${lower(r.signature)} ?? '';${r.timestamp ? `\n  const timestamp = ${lower(r.timestamp)} ?? '';` : ''}
  const digest = ${prefixed(r, `crypto.createHmac('${r.hash}', secret)${updates}.digest('${r.encoding}')`)};
  return signature.length === digest.length && crypto.timingSafeEqual(Buffer.from(signature), Buffer.from(digest));
}`;
}

function ruby(r: Recipe): string {
    const text = r.parts.length === 1 ? 'body' : `"${r.parts.map((p) => (p === 'body' || p === 'timestamp' ? `#{${p}}` : p)).join('')}"`;
    const hash = r.hash.toUpperCase();
    const digest = r.encoding === 'hex' ? `OpenSSL::HMAC.hexdigest("${hash}", signing_secret, ${text})` : `Base64.strict_encode64(OpenSSL::HMAC.digest("${hash}", signing_secret, ${text}))`;
    return `require 'openssl'${r.encoding === 'base64' ? "\nrequire 'base64'" : ''}

signing_secret = ENV['WEBHOOK_SECRET']${r.timestamp ? `\ntimestamp = request.headers["${r.timestamp}"]` : ''}
body = request.body.read
signature = ${prefixed(r, digest, '"')}
if OpenSSL.secure_compare(signature, request.headers["${r.signature}"].to_s)
  # Valid request
else
  # Invalid request
end`;
}

function python(r: Recipe): string {
    const text = join(r, (p) => (p === 'body' ? 'body' : 'timestamp.encode()'), (t) => `b"${t}"`, ' + ');
    const digest = r.encoding === 'hex' ? `hmac.new(secret.encode(), ${text}, hashlib.${r.hash}).hexdigest()` : `base64.b64encode(hmac.new(secret.encode(), ${text}, hashlib.${r.hash}).digest()).decode()`;
    return `import hashlib
import hmac${r.encoding === 'base64' ? '\nimport base64' : ''}

# body: the raw request body, bytes
def verify_webhook(body, headers, secret):
    signature = headers.get("${r.signature}", "")${r.timestamp ? `\n    timestamp = headers.get("${r.timestamp}", "")` : ''}
    digest = ${prefixed(r, digest, '"')}
    return hmac.compare_digest(signature, digest)`;
}

function go(r: Recipe): string {
    const writes = r.parts.map((p) => (p === 'body' ? '\tmac.Write(body)' : `\tmac.Write([]byte(${p === 'timestamp' ? `request.Header.Get("${r.timestamp}")` : `"${p}"`}))`)).join('\n');
    const encode = r.encoding === 'hex' ? 'hex.EncodeToString(mac.Sum(nil))' : 'base64.StdEncoding.EncodeToString(mac.Sum(nil))';
    return `import (
\t"crypto/hmac"
\t"crypto/${r.hash}"
\t"encoding/${r.encoding}"
\t"net/http"
)

// body: the raw request body
func verifyWebhook(body []byte, request *http.Request, secret string) bool {
\tmac := hmac.New(${r.hash}.New, []byte(secret))
${writes}
\tdigest := ${prefixed(r, encode, '"')}
\treturn hmac.Equal([]byte(request.Header.Get("${r.signature}")), []byte(digest))
}`;
}

function php(r: Recipe): string {
    const server = (h: string) => `$_SERVER['HTTP_${h.toUpperCase().replaceAll('-', '_')}'] ?? ''`;
    const text = join(r, (p) => `$${p}`, (t) => `'${t}'`, ' . ');
    const digest = r.encoding === 'hex' ? `hash_hmac('${r.hash}', ${text}, $secret)` : `base64_encode(hash_hmac('${r.hash}', ${text}, $secret, true))`;
    return `$secret = getenv('WEBHOOK_SECRET');
$body = file_get_contents('php://input');${r.timestamp ? `\n$timestamp = ${server(r.timestamp)};` : ''}
$digest = ${prefixed(r, digest, "'", ' . ')};
if (hash_equals($digest, ${server(r.signature)})) {
    // valid request
} else {
    http_response_code(401);
}`;
}

const makers: Record<Language, (r: Recipe) => string> = { Node: node, Ruby: ruby, Python: python, Go: go, PHP: php };

// null: the profile signs in a way that no snippet covers.
export function verifyCode(profile: Profile, language: Language): string | null {
    if (profile.headers?.['webhook-signature'] !== undefined) return standard[language];
    const r = recipe(profile);
    return r ? makers[language](r) : null;
}
