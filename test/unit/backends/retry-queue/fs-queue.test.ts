import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { fileNameOf, parseFileName } from '../../../../src/backends/retry-queue/fs-message-names.ts';
import { createFsRetryQueue } from '../../../../src/backends/retry-queue/fs.ts';
import { asJobId, asTaskId } from '../../../../src/domain/ids.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import { createSeededIds } from '../../../support/seeded-random.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

const MESSAGE = {
  job: asJobId('demo-7k3f9q2m'),
  task: asTaskId('000001'),
  generation: 1,
  attempts: 1,
  notBeforeMs: 5,
};

describe('fs retry queue on disk', () => {
  let dir: ReturnType<typeof makeTempDir>;
  beforeEach(() => {
    dir = makeTempDir('queue');
  });
  afterEach(() => dir.remove());
  const open = (root: string) => createFsRetryQueue({ root, ids: createSeededIds(1), clock: createManualClock() });

  it('keeps a message in the name of an empty file', async () => {
    await open(dir.path).send([MESSAGE], 0);
    const [name] = readdirSync(join(dir.path, 'messages'));
    expect(name).toMatch(/^001700000000000\.0\.[0-9a-z]{10}\.demo-7k3f9q2m\.000001\.1\.1\.5$/);
    expect(statSync(join(dir.path, 'messages', name ?? '')).size).toBe(0);
  });

  it('finds the message again in any name it gives', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.nat(99),
        fc.nat(),
        fc.nat(),
        fc.nat(),
        (visibleAtMs, receives, generation, attempts, notBeforeMs) => {
          const queued = {
            visibleAtMs,
            receives,
            nonce: 'abc',
            message: { ...MESSAGE, generation, attempts, notBeforeMs },
          };
          expect(parseFileName(fileNameOf(queued))).toEqual(queued);
        },
      ),
    );
    const longest = {
      ...MESSAGE,
      job: asJobId(`${'a'.repeat(64)}-7k3f9q2m`),
      task: asTaskId('999999999'),
      notBeforeMs: 1e15,
    };
    expect(
      fileNameOf({ visibleAtMs: 1e14, receives: 10, nonce: 'n'.repeat(10), message: longest }).length,
    ).toBeLessThan(200);
  });

  it('passes over files that are not messages', async () => {
    mkdirSync(join(dir.path, 'messages'));
    for (const foreign of [
      '.nfs0001',
      'README',
      '000000000000000.0.x.demo.000001.1.1.1',
      '000000000000000.0.x.demo-7k3f9q2m.1.1.1.1',
    ])
      writeFileSync(join(dir.path, 'messages', foreign), '');
    const queue = open(dir.path);
    expect(await queue.receive({ max: 10, visibilityMs: 1 })).toEqual([]);
    expect(await queue.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 0, dead: 0 });
  });

  it('drops also what is delayed, held or dead of a job', async () => {
    const clock = createManualClock();
    const queue = createFsRetryQueue({ root: dir.path, ids: createSeededIds(1), clock });
    const other = { ...MESSAGE, job: asJobId('other-7k3f9q2m') };
    await queue.send([MESSAGE, MESSAGE, other], 0);
    await queue.send([MESSAGE], 60_000);
    await queue.receive({ max: 1, visibilityMs: 30_000 });
    await queue.purge(MESSAGE.job);
    await clock.advance(60_000);
    const left = await queue.receive({ max: 10, visibilityMs: 30_000 });
    expect(left.map(({ message }) => message)).toEqual([other]);
  });

  it('says what it could not do (QUEUE_UNAVAILABLE)', async () => {
    writeFileSync(join(dir.path, 'file'), '');
    await expect(open(join(dir.path, 'file')).send([MESSAGE], 0)).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
  });
});
