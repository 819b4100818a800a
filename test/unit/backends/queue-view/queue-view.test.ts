import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createQueueView } from '../../../../src/backends/queue-view/index.ts';
import { pictureOf, readPicture, writePicture } from '../../../../src/backends/queue-view/picture-file.ts';
import { AppError } from '../../../../src/errors/app-error.ts';
import type { QueuedSubmission } from '../../../../src/ports/batch-system.ts';
import { withTempDir } from '../../../support/temp-dir.ts';

const uid = process.getuid?.() ?? -1;
const submission = (id: string, waiting: number, running: number): QueuedSubmission => ({
  handle: { id },
  name: `j.${id}`,
  waiting,
  running,
  reasons: waiting === 0 ? [] : [{ reason: 'Priority', elements: waiting }],
});
const queued = [submission('7', 5, 3)];

/** Watchers that share a directory and a clock, and count what they ask. */
function watchers(root: string) {
  const at = { nowMs: 1_700_000_000_000, asked: 0, slept: 0, isPassing: true, mostMs: 0, answer: async () => queued };
  let tokens = 0;
  const directory = join(root, 'cache');
  const create = (more: { uid?: number } = {}) =>
    createQueueView({
      directory,
      key: 'abc',
      uid,
      clock: {
        nowMs: () => at.nowMs,
        monotonicMs: () => at.nowMs,
        sleep: async (ms) => {
          at.slept += 1;
          if (at.isPassing) at.nowMs += ms;
          await new Promise((resolve) => setImmediate(resolve));
        },
      },
      ids: { token: () => `t${(tokens += 1)}` },
      ask: async (mostMs) => {
        at.asked += 1;
        at.mostMs = mostMs;
        return at.answer();
      },
      ...more,
    });
  return { at, create, directory };
}

describe('the shared picture of the queue', () => {
  it('is asked for once in 30 s, however many look', () =>
    withTempDir(async (root) => {
      const { at, create } = watchers(root);
      const seen = await Promise.all(Array.from({ length: 40 }, () => create().look()));
      expect(at.asked).toBe(1);
      expect(seen.some((look) => look.picture?.running === 3)).toBe(true);
      for (let second = 0; second < 300; second += 1) {
        at.nowMs += 1_000;
        await create().look();
      }
      expect(at.asked).toBeLessThanOrEqual(11);
      expect(at.asked).toBeGreaterThanOrEqual(5);
      expect(await create().look()).toMatchObject({ picture: { running: 3, queued, isCut: false }, problem: null });
    }));

  it('never asks twice within 30 s, also while an answer is slow', () =>
    withTempDir(async (root) => {
      const { at, create, directory } = watchers(root);
      let answer = (): void => undefined;
      at.answer = () => new Promise((resolve) => (answer = () => resolve(queued)));
      const slow = create().look();
      await expect.poll(() => at.asked).toBe(1);
      const claim = readdirSync(directory).find((name) => name.endsWith('.asked')) ?? '';
      utimesSync(join(directory, claim), new Date(at.nowMs), new Date(at.nowMs));
      at.nowMs += 29_000;
      expect(await create().look()).toEqual({ picture: null, problem: null });
      expect(at.asked).toBe(1);
      answer();
      expect((await slow).picture).toMatchObject({ running: 3 });
    }));

  it('tells everybody of a controller that does not answer, without asking it again at once', () =>
    withTempDir(async (root) => {
      const { at, create } = watchers(root);
      at.answer = async () => {
        throw new AppError('BATCH_UNREACHABLE', { message: 'Slurm does not answer' });
      };
      for (let n = 0; n < 3; n += 1)
        expect(await create().look()).toEqual({ picture: null, problem: 'Slurm does not answer' });
      expect(at.asked).toBe(1);
    }));

  it('lies in files and a directory of this user alone', () =>
    withTempDir(async (root) => {
      const { create, directory } = watchers(root);
      await create().look();
      expect(statSync(directory).mode & 0o777).toBe(0o700);
      for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
      expect(readdirSync(directory).filter((name) => name.endsWith('.half'))).toEqual([]);
    }));

  it('is not looked for where others could have put it', () =>
    withTempDir(async (root) => {
      const open = watchers(join(root, 'a'));
      mkdirSync(open.directory, { recursive: true });
      chmodSync(open.directory, 0o770);
      expect(await open.create().look()).toEqual({ picture: null, problem: expect.stringContaining('other users') });
      const linked = watchers(join(root, 'b'));
      mkdirSync(join(root, 'b', 'elsewhere'), { recursive: true, mode: 0o700 });
      symlinkSync(join(root, 'b', 'elsewhere'), linked.directory);
      expect((await linked.create().look()).problem).toContain('not a directory');
      const other = watchers(join(root, 'c'));
      expect((await other.create({ uid: uid + 1 }).look()).problem).toContain('belongs to user');
      expect([open.at.asked, linked.at.asked, other.at.asked]).toEqual([0, 0, 0]);
    }));

  it('is asked for anew where the file is damaged, and old claims go away', () =>
    withTempDir(async (root) => {
      const { at, create, directory } = watchers(root);
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      writeFileSync(join(directory, 'queue-abc.json'), '{"schema":"slurmctl.queue-picture/1","askedMs":"now"}');
      writeFileSync(join(directory, 'queue-abc.17.asked'), '');
      writeFileSync(join(directory, 'queue-abc.dead.half'), '');
      writeFileSync(join(directory, 'queue-other.17.asked'), '');
      expect((await create().look()).picture).toMatchObject({ running: 3 });
      expect(at.asked).toBe(1);
      expect(readdirSync(directory).filter((name) => /17|half/.test(name))).toEqual(['queue-other.17.asked']);
      expect(readFileSync(join(directory, 'queue-abc.json'), 'utf8')).toContain('Priority');
    }));
});

describe('an answer that something is concluded from', () => {
  it('is the one that watchers have, while it is fresh', () =>
    withTempDir(async (root) => {
      const { at, create } = watchers(root);
      await create().look();
      expect(await create().queued()).toEqual(queued);
      expect(at.asked).toBe(1);
      at.nowMs += 31_000;
      expect(await create().queued()).toEqual(queued);
      expect([at.asked, at.slept]).toEqual([2, 0]);
      // Slurm may take longer to answer than somebody at a screen would wait.
      expect(at.mostMs).toBe(45_000);
      expect((await create().look()).picture?.queued).toEqual(queued);
      expect(at.asked).toBe(2);
    }));

  it('is waited for while another process asks', () =>
    withTempDir(async (root) => {
      const { at, create } = watchers(root);
      // However long this machine takes: it is less than it takes until somebody else may ask.
      at.isPassing = false;
      let answer = (): void => undefined;
      at.answer = () => new Promise((resolve) => (answer = () => resolve(queued)));
      const asking = create().look();
      await expect.poll(() => at.asked).toBe(1);
      const waiting = create().queued();
      await expect.poll(() => at.slept).toBeGreaterThan(0);
      answer();
      expect(await waiting).toEqual(queued);
      expect((await asking).picture?.queued).toEqual(queued);
      expect(at.asked).toBe(1);
    }));

  it('is asked for by whoever waits, where the process that asked has died', () =>
    withTempDir(async (root) => {
      const { at, create, directory } = watchers(root);
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const claim = join(directory, `queue-abc.${Math.floor(at.nowMs / 30_000)}.asked`);
      writeFileSync(claim, '');
      utimesSync(claim, new Date(at.nowMs), new Date(at.nowMs));
      expect(await create().queued()).toEqual(queued);
      expect(at.asked).toBe(1);
    }));

  it('is none where the batch system did not answer whoever asked', () =>
    withTempDir(async (root) => {
      const { at, create } = watchers(root);
      at.answer = async () => {
        throw new AppError('BATCH_UNREACHABLE', { message: 'Slurm does not answer' });
      };
      await create().look();
      for (let n = 0; n < 2; n += 1)
        await expect(create().queued()).rejects.toMatchObject({
          code: 'BATCH_UNREACHABLE',
          message: 'Slurm does not answer',
        });
      expect(at.asked).toBe(1);
    }));

  it('is asked for alone where there is no place to share it, and where not all of it is shared', () =>
    withTempDir(async (root) => {
      const closed = watchers(join(root, 'a'));
      mkdirSync(closed.directory, { recursive: true });
      chmodSync(closed.directory, 0o770);
      expect(await closed.create().queued()).toEqual(queued);
      const many = watchers(join(root, 'b'));
      const all = Array.from({ length: 5_001 }, (_, n) => submission(String(n + 1), n === 0 ? 1 : 2, 1));
      many.at.answer = async () => all;
      expect(await many.create().queued()).toEqual(all);
      const { picture } = await many.create().look();
      expect(picture).toMatchObject({ running: 5_001, isCut: true });
      expect(picture?.queued).toHaveLength(5_000);
      expect(picture?.queued.some(({ handle }) => handle.id === '1')).toBe(false);
    }));
});

describe('the file of the picture', () => {
  it('is read back as it was, and nothing else is taken for one', () => {
    const reasons = fc.array(fc.record({ reason: fc.string(), elements: fc.nat() }), { maxLength: 3 });
    const one = fc.record({
      handle: fc.record({ id: fc.string() }),
      name: fc.string(),
      waiting: fc.nat(1_000),
      running: fc.nat(1_000),
      reasons,
    });
    fc.assert(
      fc.property(fc.nat(), fc.array(one, { maxLength: 5 }), (askedMs, submissions) => {
        const stored = { askedMs, problem: null, picture: pictureOf(submissions, askedMs) };
        return JSON.stringify(readPicture(writePicture(stored))) === JSON.stringify(stored);
      }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(readPicture(text)).toBeNull();
      }),
    );
    const whole = JSON.parse(writePicture({ askedMs: 1, problem: null, picture: pictureOf(queued, 1) }));
    for (const damaged of [
      { ...whole, picture: { ...whole.picture, queued: [{ ...queued[0], reasons: 'many' }] } },
      { ...whole, picture: { ...whole.picture, queued: [{ ...queued[0], handle: {} }] } },
      { ...whole, picture: { ...whole.picture, isCut: 0 } },
      { ...whole, schema: 'slurmctl.queue-picture/1' },
    ])
      expect(readPicture(JSON.stringify(damaged))).toBeNull();
  });
});
