// SPDX-License-Identifier: Apache-2.0
// A request as a command line to try by hand. Values that are masked stay masked.
function quoted(text: string): string {
    return `'${text.replaceAll("'", `'\\''`)}'`;
}

export function curlCommand(url: string, headers: [string, string][], body: string): string {
    const lines = [`curl -X POST ${quoted(url)}`, ...headers.map(([name, v]) => `  -H ${quoted(`${name}: ${v}`)}`), `  --data-binary ${quoted(body)}`];
    return lines.join(' \\\n');
}

// One that sends a sample to a Trigger URL.
export function sampleCurl(url: string): string {
    return curlCommand(url, [['Content-Type', 'application/json']], '{"customer":{"email":"ada@example.com","name":"Ada Lovelace"},"order":{"id":1001,"total":42.50}}');
}
