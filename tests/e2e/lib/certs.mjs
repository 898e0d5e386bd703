// SPDX-License-Identifier: Apache-2.0
// A private certificate authority made for one test, and certificates under it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function authority(t, { days = 2 } = {}) {
    const dir = mkdtempSync(join(tmpdir(), 'postrider-ca-'));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem',
        '-days', String(days), '-subj', '/CN=Test authority', '-addext', 'basicConstraints=critical,CA:TRUE');
    return {
        pem: readFileSync(join(dir, 'ca.pem'), 'utf8'),
        path: join(dir, 'ca.pem'),
        // {key, cert} for Node's tls; names like 'DNS:localhost' or 'IP:127.0.0.1'
        issue(names, { certDays = 2, name = 'receiver' } = {}) {
            writeFileSync(join(dir, 'ext'), `subjectAltName=${names.join(',')}\n`);
            openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 's.key', '-out', 's.csr', '-subj', `/CN=${name}`);
            openssl('x509', '-req', '-in', 's.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 's.pem', '-days', String(certDays), '-extfile', 'ext');
            return { key: readFileSync(join(dir, 's.key')), cert: readFileSync(join(dir, 's.pem')) };
        },
    };
}

// A private key and its certificate in one text.
export function selfSigned(name = 'one') {
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', '-', '-subj', `/CN=${name}`];
    return execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
}
