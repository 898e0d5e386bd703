// SPDX-License-Identifier: Apache-2.0
// Bundles the application and writes it as a C file: embed.mjs OUTPUT.c DEPFILE TARGET. The same sources give the same bytes.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const [output, depfile, target] = process.argv.slice(2);
const COMPRESSED_BYTES_MAX = 150 * 1024;
const types = {
    '.js': 'text/javascript; charset=utf-8',
    '.css': 'text/css; charset=utf-8',
    '.svg': 'image/svg+xml',
    '.html': 'text/html; charset=utf-8',
};

const built = await esbuild.build({
    absWorkingDir: here,
    entryPoints: ['src/main.tsx', 'src/theme.ts', 'src/style/main.css'],
    outdir: 'dist',
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: ['es2021', 'chrome100', 'firefox100', 'safari15.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'warning',
});

const hash = (bytes) => createHash('sha256').update(bytes).digest('base64url').slice(0, 16);

// "main.tsx", "style/main.css" → "app-HASH.js", "app-HASH.css"
const assets = new Map();
function add(name, bytes) {
    const type = extname(name);
    const path = `/assets/${basename(name, type)}-${hash(bytes)}${type}`;
    assets.set(name, { path, type: types[type], bytes: gzipSync(bytes, { level: 9 }), gzip: true, tag: hash(bytes) });
}
const names = { 'main.js': 'app.js', 'theme.js': 'theme.js', 'main.css': 'app.css' };
for (const file of built.outputFiles) add(names[basename(file.path)], Buffer.from(file.contents));
add('icon.svg', readFileSync(join(here, 'src/icon.svg')));

const html = Buffer.from(
    readFileSync(join(here, 'src/index.html'), 'utf8').replace(/\{\{(.+?)\}\}/g, (_, name) => assets.get(name).path),
);
assets.set('index.html', { path: '/', type: types['.html'], bytes: html, gzip: false, tag: hash(html) });

const total = [...assets.values()].reduce((sum, a) => sum + a.bytes.length, 0);
if (total > COMPRESSED_BYTES_MAX) throw new Error(`the console has ${total} bytes compressed, more than ${COMPRESSED_BYTES_MAX}`);

const lines = ['/* Made by console/embed.mjs. */', '#include "console/console.h"', ''];
const rows = [];
for (const a of assets.values()) {
    const i = rows.length;
    lines.push(`static const unsigned char bytes_${i}[] = {`);
    for (let at = 0; at < a.bytes.length; at += 32) lines.push(`${[...a.bytes.subarray(at, at + 32)].join(',')},`);
    lines.push('};', '');
    rows.push(
        `    {.path = {"${a.path}", ${a.path.length}}, .type = {"${a.type}", ${a.type.length}}, .etag = {"\\"${a.tag}\\"", ${a.tag.length + 2}},`,
        `     .body = {(const char *)bytes_${i}, sizeof bytes_${i}}, .gzip = ${a.gzip}},`,
    );
}
lines.push('const struct console_asset console_assets[] = {', ...rows, '};');
lines.push('const size_t console_asset_count = sizeof console_assets / sizeof console_assets[0];', '');
writeFileSync(output, lines.join('\n'));

const inputs = Object.keys(built.metafile.inputs).filter((p) => !p.includes('node_modules')).map((p) => join(here, p));
for (const own of ['embed.mjs', 'build.sh', 'package-lock.json', 'src/index.html', 'src/icon.svg']) inputs.push(join(here, own));
writeFileSync(depfile, `${target}: ${inputs.join(' ')}\n`);
