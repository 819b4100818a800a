import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createLog } from '../../../../src/backends/log/index.ts';
import { withTempDir } from '../../../support/temp-dir.ts';

it('writes JSON lines with bindings at once, from its level on', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'element.log');
    const log = await createLog({ destination: { path }, bindings: { job: 'j' } });
    log.debug('unseen');
    log.child({ attempt: 'a' }).warn('careful', { n: 1 });
    log.error('plain');
    const lines = readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toEqual([
      {
        level: 'warn',
        time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        job: 'j',
        attempt: 'a',
        n: 1,
        msg: 'careful',
      },
      { level: 'error', time: expect.any(String) as string, job: 'j', msg: 'plain' },
    ]);
  }));

it('appends to what is there', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'element.log');
    (await createLog({ destination: { path } })).info('one');
    (await createLog({ destination: { path } })).info('two');
    expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(2);
  }));

it('a place that cannot be written loses lines, never work', () =>
  withTempDir(async (dir) => {
    const missing = await createLog({ destination: { path: join(dir, 'no', 'such', 'dir') } });
    missing.child({ a: 1 }).error('lost');
    const full = await createLog({ destination: { path: '/dev/full' } });
    full.error('lost');
    full.error('lost again');
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    const log = await createLog({ destination: { path: join(dir, 'x.log') } });
    log.info('cycle', cyclic);
    expect(readFileSync(join(dir, 'x.log'), 'utf8')).toContain('cycle');
  }));
