import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/*
 * A setup file: each test file has a node-local disk of its own. Finished work that cannot be reported is kept there, where the jobs of other files
 * do not find it, and it goes with the file.
 */
const disk = mkdtempSync(join(tmpdir(), 'slurmctl-disk-'));
// As in any /tmp: some tests run commands as another user.
chmodSync(disk, 0o1777);
process.env['SLURMCTL_SCRATCH'] = disk;
afterAll(() => rmSync(disk, { recursive: true, force: true, maxRetries: 5 }));
