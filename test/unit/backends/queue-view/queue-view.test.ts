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
import { pictureOf } from '../../../../src/backends/batch-system/slurm/own-queue.ts';
import { parseSqueue } from '../../../../src/backends/batch-system/slurm/parse-squeue.ts';
import { createQueueView } from '../../../../src/backends/queue-view/index.ts';
import { readPicture, writePicture } from '../../../../src/backends/queue-view/picture-file.ts';
import { AppError } from '../../../../src/errors/app-error.ts';
import { withTempDir } from '../../../support/temp-dir.ts';

const uid = process.getuid?.() ?? -1;
const picture = { running: 3, waiting: [{ name: 'j.1', id: '7', reason: 'Priority', elements: 5 }] };

/** Watchers that share a directory and a clock, and count what they ask. */
function watchers(root: string) {
  const at = { nowMs: 1_700_000_000_000, asked: 0, answer: async () => picture as typeof picture };
  let tokens = 0;
  const directory = join(root, 'cache');
  const create = (more: { uid?: number } = {}) =>
    createQueueView({
      directory,
      key: 'abc',
      uid,
      clock: { nowMs: () => at.nowMs },
      ids: { token: () => `t${(tokens += 1)}` },
      ask: async () => {
        at.asked += 1;
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
      expect(await create().look()).toMatchObject({ picture: { running: 3, waiting: picture.waiting }, problem: null });
    }));

  it('never asks twice within 30 s, also while an answer is slow', () =>
    withTempDir(async (root) => {
      const { at, create, directory } = watchers(root);
      let answer = (): void => undefined;
      at.answer = () => new Promise((resolve) => (answer = () => resolve(picture)));
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

describe('the file of the picture', () => {
  it('is read back as it was, and nothing else is taken for one', () => {
    const waiting = fc.array(
      fc.record({ name: fc.string(), id: fc.string(), reason: fc.string(), elements: fc.nat() }),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(fc.nat(), fc.nat(), waiting, (askedMs, running, groups) => {
        const stored = { askedMs, problem: null, picture: { askedMs, running, waiting: groups } };
        return JSON.stringify(readPicture(writePicture(stored))) === JSON.stringify(stored);
      }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(readPicture(text)).toBeNull();
      }),
    );
  });
});

describe('the picture of a queue', () => {
  it('counts elements that run, and those that wait by submission and reason', () => {
    const line = (id: string, task: string, state: string, reason: string, name: string): string =>
      [id, task, state, '0', '0', '', reason, '0:00', name, ''].join('|');
    const rows = parseSqueue(
      [
        line('7', '3-9', 'PENDING', 'Priority', 'j.1'),
        line('7', '2', 'PENDING', 'Resources', 'j.1'),
        line('7', '0', 'RUNNING', 'None', 'j.1'),
        line('8', 'N/A', 'COMPLETING', 'None', 'other'),
        line('9', 'N/A', 'PENDING', '(null)', 'x'),
      ].join('\n'),
    );
    expect(pictureOf(rows)).toEqual({
      running: 2,
      waiting: [
        { name: 'j.1', id: '7', reason: 'Priority', elements: 7 },
        { name: 'j.1', id: '7', reason: 'Resources', elements: 1 },
        { name: 'x', id: '9', reason: 'None', elements: 1 },
      ],
    });
  });
});
