// SPDX-License-Identifier: Apache-2.0
// Whether this machine has the engine that transformations run on.
import { execFileSync } from 'node:child_process';

function libraries() {
    try {
        return execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' });
    } catch {
        return '';
    }
}

export const missing = !libraries().includes('libjavascriptcoregtk-');
