import { describe, expect, it } from 'vitest';
import { sbatchArgv } from '../../../../src/backends/batch-system/slurm/sbatch-argv.ts';
import { isAppError } from '../../../../src/errors/app-error.ts';
import { submitRequest } from './requests.ts';

describe('sbatchArgv', () => {
  it('is exactly this for a full request', () => {
    expect(sbatchArgv({ ...submitRequest, after: [{ id: '41' }, { id: '42' }], beginAfterSec: 60 })).toEqual([
      'sbatch',
      '--parsable',
      '--job-name=licences-7k3f9q2m.01j9z3k5v7w8x9y0a1b2c3d4e5',
      '--array=0-99%20',
      '--output=/home/user/my data/.slurmctl/logs/licences-7k3f9q2m/%A_%a.out',
      '--open-mode=append',
      '--chdir=/home/user/my data',
      '--export=ALL',
      '--nodes=1',
      '--ntasks=1',
      '--cpus-per-task=2',
      '--mem=2048M',
      '--time=30',
      '--signal=B:USR2@120',
      '--requeue',
      '--dependency=afterany:41:42',
      '--begin=now+60',
      '--partition=main',
      '--account=abc123',
      '--qos=normal',
      '--constraint=ib',
    ]);
  });

  it.each([
    [[], ['n7', 'n9'], '--exclude=n7,n9'],
    [['--exclude=n[1-2]', '-C', 'ib'], ['n7'], '--exclude=n[1-2],n7'],
    [['-x', 'n1', '-xn2', '--exclude', 'n3'], ['n7'], '--exclude=n1,n2,n3,n7'],
    [[], ['n7', '--uid=0', 'n[1-9]', 'a,b', ''], '--exclude=n7'],
  ])('excludes nodes together with those of %j', (extra, exclude, expected) => {
    const argv = sbatchArgv({ ...submitRequest, slurm: { extra }, exclude });
    expect(argv.at(-1)).toBe(expected);
  });

  it('says nothing of nodes when there is none to exclude', () => {
    for (const exclude of [[], ['n[1-9]']])
      expect(sbatchArgv({ ...submitRequest, exclude }).join(' ')).not.toContain('--exclude');
  });

  it('rounds what Slurm counts coarsely up, never to zero', () => {
    const argv = sbatchArgv({
      ...submitRequest,
      resources: { cpus: 1, memoryBytes: 1, timeMs: 60_001 },
      beginAfterSec: 0.2,
    });
    expect(argv).toEqual(expect.arrayContaining(['--mem=1M', '--time=2', '--begin=now+1']));
    expect(sbatchArgv({ ...submitRequest, resources: { cpus: 1, memoryBytes: 0, timeMs: 0 } })).toEqual(
      expect.arrayContaining(['--mem=1M', '--time=1']),
    );
  });

  it('leaves out what was not asked for', () => {
    const { array: _array, ...plain } = submitRequest;
    const argv = sbatchArgv({ ...plain, slurm: { extra: [] }, warnBeforeEndSec: 0, requeue: false, after: [] });
    expect(argv.some((option) => /^--(array|signal|dependency|begin|partition|account|qos)/.test(option))).toBe(false);
    expect(argv).toContain('--no-requeue');
    expect(argv).toContain('--output=/home/user/my data/.slurmctl/logs/licences-7k3f9q2m/%j_0.out');
  });

  it('keeps file name patterns out of directory names', () => {
    expect(sbatchArgv({ ...submitRequest, logDir: '/a/100%A' })).toContain('--output=/a/100%%A/%A_%a.out');
    try {
      sbatchArgv({ ...submitRequest, logDir: String.raw`/a\b` });
      expect.unreachable();
    } catch (error) {
      expect(isAppError(error, 'BATCH_REFUSED')).toBe(true);
    }
  });
});
