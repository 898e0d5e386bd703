// SPDX-License-Identifier: Apache-2.0
// Disks that are small enough to become full.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Mounts a small tmpfs, or says why not.
export function smallDisk(t, megabytes) {
    const dir = mkdtempSync(join(tmpdir(), 'postrider-disk-'));
    try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'postrider-test', dir], { stdio: 'pipe' });
    } catch (e) {
        rmSync(dir, { recursive: true });
        return { skip: `needs to mount a tmpfs: ${String(e.stderr ?? e.message).trim()}` };
    }
    t.after(() => {
        execFileSync('umount', ['-l', dir]);
        rmSync(dir, { recursive: true, force: true });
    });
    return { dir };
}
