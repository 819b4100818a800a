import { chmodSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DoctorDocument } from '../../src/app/documents.ts';
import type { CliResult } from '../support/cli.ts';
import { runAsOrdinaryUser, withRoom, type Room } from '../support/refusal.ts';

/** A PATH with Node and a shell, and nothing of Slurm. */
function pathWithoutSlurm({ directory }: Room): string {
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  return bin;
}

/** Runs a command as a user who may read the directory and not write there. */
async function runWithoutWriteAccess(room: Room, ...args: string[]): Promise<CliResult> {
  chmodSync(room.directory, 0o555);
  try {
    return await runAsOrdinaryUser(room, ...args);
  } finally {
    chmodSync(room.directory, 0o755);
  }
}

const verdicts = ({ checks }: DoctorDocument) => Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]));

describe('doctor', () => {
  it('finds nothing wrong where a job can run, and says where each setting comes from', () =>
    withRoom({ 'slurmctl.yaml': 'store: ./elsewhere\n' }, async ({ cli, directory }) => {
      const document = await cli.json<DoctorDocument>(['doctor', '--queue', join(directory, 'q')]);
      expect(document.ok).toBe(true);
      expect(verdicts(document)).toEqual(
        Object.fromEntries(
          ['node', 'home', 'clock', 'scratch', 'scheduler', 'limits', 'cpus'].map((name) => [name, 'ok']),
        ),
      );
      const from = Object.fromEntries(document.settings.map((setting) => [setting.name, setting.from]));
      expect(from).toMatchObject({ home: 'default', queue: 'flag --queue' });
      expect(from['store']).toContain(join(directory, 'slurmctl.yaml'));
      expect(from['scheduler']).toContain('SLURMCTL_SCHEDULER');
      // It looks; all it may leave behind is the empty home.
      expect(readdirSync(join(directory, '.slurmctl'))).toEqual([]);
    }));

  it('takes the local scheduler where there is no Slurm, and says why', () =>
    withRoom({}, async (room) => {
      const cli = room.cliWith({ SLURMCTL_SCHEDULER: 'auto', PATH: pathWithoutSlurm(room) });
      const { code, stdout } = await cli('doctor');
      expect(code).toBe(0);
      expect(stdout).toMatch(/^ok +scheduler +local: .*scontrol is not on this host/m);
    }));

  it('says what to do when Slurm is asked for and missing', () =>
    withRoom({}, async (room) => {
      const cli = room.cliWith({ PATH: pathWithoutSlurm(room) });
      const { code, stdout } = await cli('doctor', '--scheduler', 'slurm');
      expect(code).toBe(5);
      expect(stdout).toMatch(/^fail +scheduler .*scontrol is not on this host.*\n +→ Run on a login node/m);
    }));

  it('says what to do when nothing can be written, and only once', () =>
    withRoom({}, async (room) => {
      const { code, stdout } = await runWithoutWriteAccess(room, 'doctor');
      expect(code).toBe(5);
      expect(stdout).toMatch(/^fail +home +cannot make the directory .*permission denied.*\n +→ Choose a directory/m);
      expect(stdout.match(/^(fail|warn)/gm)).toHaveLength(1);
    }));

  it('refuses scratch that is not there', () =>
    withRoom({}, async ({ cliWith, directory }) => {
      const document = await cliWith({ SLURMCTL_SCRATCH: join(directory, 'gone') }).json<DoctorDocument>(
        ['doctor'],
        [5],
      );
      expect(verdicts(document)).toMatchObject({ scratch: 'fail', home: 'ok' });
      expect(document.checks.find(({ name }) => name === 'scratch')?.remedy).toContain('SLURMCTL_SCRATCH');
    }));
});

describe('init', () => {
  it('says that it may not write there', () =>
    withRoom({}, async (room) => {
      const { code, stderr } = await runWithoutWriteAccess(room, 'init', 'demo');
      expect(code).toBe(2);
      expect(stderr).toMatch(
        /^error: the files .* cannot be written: .*demo.*permission denied.*\nhint: Name a directory/,
      );
    }));
});
