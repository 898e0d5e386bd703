// SPDX-License-Identifier: Apache-2.0
// A mail relay that keeps what it is given: EHLO, STARTTLS, AUTH PLAIN, MAIL, RCPT, DATA, RSET, QUIT; answers as it is told. And a reader of letters.
import net from 'node:net';
import tls from 'node:tls';

// `answers` maps a verb (CONNECT, EHLO, AUTH, MAIL, RCPT, DATA, TEXT) to a list of replies to give, first come first served; then all is well.
// `silent` says nothing to a letter's text. With a `certificate` ({key, cert}) it offers STARTTLS, or, `implicit`, speaks TLS from the start.
export class Relay {
    constructor({ user, password, answers = {}, textDelayMs = 0, silent = false, certificate, implicit = false, host = '127.0.0.1' } = {}) {
        Object.assign(this, { user, password, answers, textDelayMs, silent, certificate, implicit, host });
        this.letters = []; // {from, to: [], raw, signedIn, encrypted}
        this.unanswered = []; // likewise
        this.verbs = []; // every command line, but for what AUTH carries
        this.texts = 0; // letters whose text arrived, also those that were refused then
        this.sockets = new Set();
    }

    async start(port = 0) {
        this.server = this.implicit ? tls.createServer(this.certificate, (socket) => this.#serve(socket)) : net.createServer((socket) => this.#serve(socket));
        this.server.on('tlsClientError', () => {});
        await new Promise((resolve, reject) => this.server.once('error', reject).listen(port, '127.0.0.1', resolve));
        this.port = this.server.address().port;
        return this;
    }

    get url() {
        const who = this.user ? `${encodeURIComponent(this.user)}:${encodeURIComponent(this.password)}@` : '';
        return `${this.implicit ? 'smtps' : 'smtp'}://${who}${this.host}:${this.port}`;
    }

    async stop() {
        for (const s of this.sockets) s.destroy();
        if (this.server) await new Promise((resolve) => this.server.close(resolve));
    }

    #serve(socket, encrypted = this.implicit, greet = true) {
        this.sockets.add(socket);
        socket.on('error', () => {}).on('close', () => this.sockets.delete(socket));
        const session = { socket, encrypted, buffer: '', signedIn: !this.user, text: null };
        const say = (verb, normal) => {
            const other = this.answers[verb]?.shift();
            if (other === 'hang up') socket.destroy();
            else socket.write(`${other ?? normal}\r\n`);
            return other === undefined;
        };
        if (greet) say('CONNECT', '220 relay.test ESMTP');
        socket.setEncoding('latin1').on('data', (chunk) => {
            session.buffer += chunk;
            for (;;) {
                if (session.text !== null) {
                    const end = `\r\n${session.buffer}`.indexOf('\r\n.\r\n');
                    if (end < 0) return;
                    const raw = session.buffer.slice(0, end).replace(/^\.\./gm, '.');
                    session.buffer = session.buffer.slice(end + 3);
                    session.text = null;
                    this.texts++;
                    const letter = { from: session.from, to: session.to, raw: Buffer.from(raw, 'latin1').toString(), signedIn: session.signedIn, encrypted };
                    const answer = () => say('TEXT', '250 2.0.0 kept') && this.letters.push(letter);
                    if (this.silent) this.unanswered.push(letter);
                    else if (this.textDelayMs > 0) setTimeout(answer, this.textDelayMs).unref();
                    else answer();
                    continue;
                }
                const end = session.buffer.indexOf('\r\n');
                if (end < 0) return;
                const line = session.buffer.slice(0, end);
                session.buffer = session.buffer.slice(end + 2);
                if (session.signingIn) this.#signIn(session, line, say);
                else this.#command(session, line, say);
            }
        });
    }

    #command(session, line, say) {
        const verb = line.split(' ')[0].toUpperCase();
        this.verbs.push(verb === 'AUTH' ? 'AUTH' : line);
        switch (verb) {
            case 'EHLO':
                return say('EHLO', ['relay.test', ...(this.certificate && !session.encrypted ? ['STARTTLS'] : []), ...(this.user ? ['AUTH PLAIN'] : []), '8BITMIME'].map((x, i, all) => `250${i < all.length - 1 ? '-' : ' '}${x}`).join('\r\n'));
            case 'STARTTLS':
                if (!this.certificate || session.encrypted || !say('STARTTLS', '220 go on')) return;
                session.socket.removeAllListeners('data');
                this.#serve(new tls.TLSSocket(session.socket, { isServer: true, ...this.certificate }), true, false);
                return;
            case 'HELO':
                return say('EHLO', '250 relay.test');
            case 'AUTH':
                session.signingIn = true;
                return line.split(' ').length > 2 ? this.#signIn(session, line.split(' ')[2], say) : session.socket.write('334 \r\n');
            case 'MAIL':
                session.from = /<(.*?)>/.exec(line)?.[1];
                session.to = [];
                return session.signedIn ? say('MAIL', '250 ok') : session.socket.write('530 5.7.0 sign in first\r\n');
            case 'RCPT':
                if (say('RCPT', '250 ok')) session.to.push(/<(.*?)>/.exec(line)?.[1]);
                return;
            case 'DATA':
                if (say('DATA', '354 go on')) session.text = '';
                return;
            case 'QUIT':
                return session.socket.end('221 bye\r\n');
            default:
                return session.socket.write(['RSET', 'NOOP'].includes(verb) ? '250 ok\r\n' : '502 what?\r\n');
        }
    }

    #signIn(session, line, say) {
        const text = Buffer.from(line, 'base64').toString();
        session.signingIn = false;
        session.signedIn = text === `\0${this.user}\0${this.password}`;
        if (session.signedIn) say('AUTH', '235 welcome');
        else session.socket.write('535 5.7.8 who are you?\r\n');
    }
}

function decodeWords(value) {
    return value
        .replace(/\?=\s+=\?/g, '?==?')
        .replace(/=\?UTF-8\?B\?([A-Za-z0-9+/=]*)\?=/gi, (_, b) => Buffer.from(b, 'base64').toString('latin1'))
        .replace(/[\x80-\xff]+/g, (bytes) => Buffer.from(bytes, 'latin1').toString());
}

function decodeQuoted(text) {
    const joined = text.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, h) => String.fromCharCode(parseInt(h, 16)));
    return Buffer.from(joined, 'latin1').toString();
}

// {headers: {name: value} in lower case, names: [] in order, text, html}
export function readLetter(raw) {
    const end = raw.indexOf('\r\n\r\n');
    const lines = raw.slice(0, end).replace(/\r\n[ \t]/g, ' ').split('\r\n');
    const headers = {};
    const names = [];
    for (const line of lines) {
        const at = line.indexOf(':');
        names.push(line.slice(0, at).toLowerCase());
        headers[names.at(-1)] = decodeWords(line.slice(at + 1).trim());
    }
    const body = raw.slice(end + 4);
    const boundary = /boundary="(.*?)"/.exec(headers['content-type'])?.[1];
    if (!boundary) return { headers, names, text: decodeQuoted(body) };
    const parts = `\r\n${body}`
        .split(`\r\n--${boundary}`)
        .slice(1, -1)
        .map((p) => readLetter(p.replace(/^\r\n/, '')));
    const of = (type) => parts.find((p) => p.headers['content-type'].startsWith(type))?.text;
    return { headers, names, text: of('text/plain'), html: of('text/html') };
}
