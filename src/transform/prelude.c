/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the code finds around it. It is run in a fresh global object before the customer's code and keeps what it needs
 * in variables of its own, so that nothing the code does to the built-ins changes what comes out. That is for good
 * manners, not for safety: the server trusts no byte of the answer.
 *
 * The clock stands still at the message's time and chance is drawn from the message's id: the same message makes the
 * same request, also when it must be made again after a crash.
 */
#include "transform/jsc.h"

const char prelude_js[] =
        "(function (now, seedA, seedB, wantLogs, outputMax) {\n"
        "'use strict';\n"
        "const {parse, stringify} = JSON, {construct, defineProperty, deleteProperty} = Reflect, {isArray} = Array;\n"
        "const create = Object.create, keys = Object.keys, Text = String, Failure = Error, Pledge = Promise;\n"
        "const exec = Function.prototype.call.bind(RegExp.prototype.exec);\n"
        "const slice = Function.prototype.call.bind(String.prototype.slice);\n"
        "const then = Function.prototype.call.bind(Promise.prototype.then);\n"
        "const place = /transformation:(\\d+):(\\d+)/;\n"
        "const set = (o, name, value) => defineProperty(o, name,\n"
        "    {value, writable: true, configurable: true, enumerable: false});\n"

        /* time */
        "const RealDate = Date;\n"
        "function Now(...a) {\n"
        "    if (new.target === undefined) return new RealDate(now).toString();\n"
        "    return construct(RealDate, a.length === 0 ? [now] : a, new.target);\n"
        "}\n"
        "Now.prototype = RealDate.prototype; set(RealDate.prototype, 'constructor', Now);\n"
        "set(Now, 'now', () => now); set(Now, 'parse', RealDate.parse); set(Now, 'UTC', RealDate.UTC);\n"
        "set(Now, 'name', 'Date'); set(Now, 'length', 7); set(globalThis, 'Date', Now);\n"
        "const shape = Intl.DateTimeFormat.prototype;\n"
        "const format = Object.getOwnPropertyDescriptor(shape, 'format').get, parts = shape.formatToParts;\n"
        "defineProperty(shape, 'format', {configurable: true, get() {\n"
        "    const f = format.call(this); return (d) => f(d === undefined ? now : d);\n"
        "}});\n"
        "set(shape, 'formatToParts', function (d) { return parts.call(this, d === undefined ? now : d); });\n"

        /* chance: Marsaglia's multiply-with-carry pair, enough for jitter and samples */
        "let z = (seedA ^ 0x9e3779b9) >>> 0 || 1, w = (seedB ^ 0x7f4a7c15) >>> 0 || 1;\n"
        "const draw = () => {\n"
        "    z = (36969 * (z & 65535) + (z >>> 16)) >>> 0; w = (18000 * (w & 65535) + (w >>> 16)) >>> 0;\n"
        "    return ((z << 16) + (w & 65535)) >>> 0;\n"
        "};\n"
        "for (let i = 0; i < 8; i++) draw();\n"
        "set(Math, 'random', () => (draw() * 2097152 + (draw() >>> 11)) / 9007199254740992);\n"

        /* what looks at other clocks, at the collector, or at other threads */
        "for (const name of ['Atomics', 'FinalizationRegistry', 'SharedArrayBuffer', 'Temporal', 'WeakRef',\n"
        "    'WebAssembly']) deleteProperty(globalThis, name);\n"

        /* the console */
        "const logs = [], say = (...a) => {\n"
        "    if (!wantLogs || logs.length >= 100) return;\n"
        "    let line = '';\n"
        "    for (let i = 0; i < a.length; i++) {\n"
        "        let s; try { s = typeof a[i] === 'string' ? a[i] : stringify(a[i]); } catch { s = undefined; }\n"
        "        line += (i > 0 ? ' ' : '') + (s === undefined ? Text(a[i]) : s);\n"
        "        if (line.length > 1000) break;\n"
        "    }\n"
        "    logs[logs.length] = slice(line, 0, 1000);\n"
        "};\n"
        "set(globalThis, 'console', {log: say, info: say, warn: say, error: say, debug: say, trace: say});\n"

        /* errors */
        "const describe = (e) => {\n"
        "    try {\n"
        "        let text = Text(e), at = null;\n"
        "        if (e instanceof Failure) {\n"
        "            at = exec(place, Text(e.stack));\n"
        "            if (at === null && e.sourceURL === 'transformation') at = [0, e.line, e.column];\n"
        "        } else text = 'threw ' + text;\n"
        "        return 'E' + (at === null ? '' : 'line ' + at[1] +\n"
        "            (at[2] === undefined ? '' : ', column ' + at[2]) + ': ') + slice(text, 0, 2000);\n"
        "    } catch { return 'Ethrew something that cannot be shown'; }\n"
        "};\n"

        /* a run */
        "let answer, before, wasText;\n"
        "const kind = (v) => v === null ? 'null' : isArray(v) ? 'an array' : typeof v;\n"
        "const read = (out) => {\n"
        "    if (typeof out !== 'object' || out === null || isArray(out))\n"
        "        return 'Ehandler must return the webhook object, not ' + kind(out);\n"
        "    const r = create(null); if (wantLogs) r.logs = logs;\n"
        "    r.cancel = out.cancel === undefined || out.cancel === null ? false : out.cancel;\n"
        "    if (typeof r.cancel !== 'boolean') return 'Ewebhook.cancel must be true or false';\n"
        "    if (r.cancel) return 'K' + stringify(r);\n"
        "    for (const name of ['method', 'url']) {\n"
        "        if (typeof out[name] !== 'string') return 'Ewebhook.' + name + ' must be a string';\n"
        "        r[name] = out[name];\n"
        "    }\n"
        "    const h = out.headers; r.headers = create(null);\n"
        "    if (h !== undefined && h !== null) {\n"
        "        if (typeof h !== 'object' || isArray(h)) return 'Ewebhook.headers must be an object';\n"
        "        const names = keys(h);\n"
        "        for (let i = 0; i < names.length; i++) {\n"
        "            const v = h[names[i]];\n"
        "            if (v === undefined || v === null) continue;\n"
        "            if (typeof v !== 'string' && typeof v !== 'number' && typeof v !== 'boolean')\n"
        "                return 'Ethe value of the header ' + names[i] + ' must be a string';\n"
        "            r.headers[names[i]] = Text(v);\n"
        "        }\n"
        "    }\n"
        "    const p = out.payload, s = typeof p === 'string' ? p : stringify(p);\n"
        "    if (s === undefined) return 'Ewebhook.payload must be JSON or a string, not ' + kind(p);\n"
        "    if (s.length > outputMax) return 'Ethe payload is larger than ' + outputMax + ' bytes';\n"
        "    if (s === before && (typeof p === 'string') === wasText) r.same = true;\n"
        "    else if (typeof p === 'string') r.text = s;\n"
        "    else r.json = s;\n"
        "    return 'K' + stringify(r);\n"
        "};\n"
        "const settle = (out) => { try { answer = read(out); } catch (e) { answer = describe(e); } };\n"
        "const run = (handler, input) => {\n"
        "    const webhook = parse(input);\n"
        "    wasText = typeof webhook.payload === 'string';\n"
        "    before = wasText ? webhook.payload : stringify(webhook.payload);\n"
        "    let out; try { out = handler(webhook); } catch (e) { answer = describe(e); return; }\n"
        "    if (out instanceof Pledge) then(out, settle, (e) => { answer = describe(e); });\n"
        "    else settle(out);\n"
        "};\n"
        "const finish = () => answer === undefined ? 'Ehandler returned a promise that is never fulfilled' : answer;\n"
        "return [run, finish, describe];\n"
        "})";
