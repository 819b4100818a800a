import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DISK_FULL_EXIT } from '../../../../src/backends/batch-system/local/cannot-write.ts';
import type { LocalContext } from '../../../../src/backends/batch-system/local/context.ts';
import { createFile, replaceFile } from '../../../../src/backends/batch-system/local/files.ts';
import {
  createLocalBatchSystem,
  type LocalBatchOptions,
  type LocalBatchSystem,
} from '../../../../src/backends/batch-system/local/index.ts';
import { hostLayout, hostSegment, jobFiles } from '../../../../src/backends/batch-system/local/layout.ts';
import { lockPath, SILENT_AFTER_MS, takeLock } from '../../../../src/backends/batch-system/local/lock.ts';
import { createSubmissionReader } from '../../../../src/backends/batch-system/local/read-submission.ts';
import { submitLocally } from '../../../../src/backends/batch-system/local/submit.ts';
import { createSystemClock } from '../../../../src/backends/clock.ts';
import { createHost } from '../../../../src/backends/host.ts';
import { createSystemIds } from '../../../../src/backends/random.ts';
import { AppError, isAppError } from '../../../../src/errors/app-error.ts';
import type { BatchHandle } from '../../../../src/ports/batch-system.ts';
import { smallRequest, workerTemplate } from '../../../support/local-batch.ts';
import { withTempDir } from '../../../support/temp-dir.ts';

const clock = createSystemClock();
const ids = createSystemIds(clock);
const here = createHost();
const there = { ...createHost({ hostname: 'elsewhere' }), mayBeAlive: () => true };

const open = (root: string, extra: Partial<LocalBatchOptions> = {}): LocalBatchSystem =>
  createLocalBatchSystem({ root, slots: 3, clock, ids, host: here, template: workerTemplate(), env: {}, ...extra });
const contextOf = (root: string, extra: Partial<LocalContext> = {}): LocalContext => {
  const host = extra.host ?? here;
  const layout = hostLayout(root, hostSegment(host.hostname));
  const reader = createSubmissionReader();
  const base = { root, layout, slots: 3, clock, ids, host, template: workerTemplate(), env: {}, reader };
  return { ...base, ensureSupervisor: async () => {}, ...extra };
};
const request = (root: string, extra = {}) => ({ ...smallRequest(['true'], root), logDir: root, ...extra });
const failure = async (action: Promise<unknown>): Promise<AppError> => {
  const error: unknown = await action.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!isAppError(error)) throw new Error(`not an AppError: ${String(error)}`);
  return error;
};

describe('submitting locally', () => {
  it('makes sure of a supervisor before, and again after, the submission is there', () =>
    withTempDir(async (root) => {
      const context = contextOf(root);
      const submitted: boolean[] = [];
      const ensureSupervisor = async (): Promise<void> => {
        submitted.push(existsSync(jobFiles(context.layout, 1).request));
      };
      expect(await submitLocally({ ...context, ensureSupervisor }, request(root))).toMatchObject({
        id: expect.stringMatching(/^local-[0-9a-z]{5}-1$/) as string,
        cluster: here.hostname,
      });
      expect(submitted).toEqual([false, true]);
    }));

  it('says BATCH_UNREACHABLE, and stores nothing, when the supervisor cannot be started', () =>
    withTempDir(async (root) => {
      const error = await failure(open(root, { supervisorEntry: join(root, 'none.js') }).submit(request(root)));
      expect(error.code).toBe('BATCH_UNREACHABLE');
      expect(error.message).toContain('none.js');
      writeFileSync(join(root, 'broken.mjs'), 'process.exit(3)');
      const broken = await failure(open(root, { supervisorEntry: join(root, 'broken.mjs') }).submit(request(root)));
      expect(broken.message).toContain('exit code 3');
      expect(broken.hint).toContain('supervisor.log');
      expect(readdirSync(join(root, here.hostname, 'jobs'))).toEqual([]);
    }));

  it('says BATCH_UNCERTAIN when nobody runs what was stored, and finds it by name', () =>
    withTempDir(async (root) => {
      let calls = 0;
      const ensureSupervisor = async (): Promise<void> => {
        calls += 1;
        if (calls === 2) throw new AppError('BATCH_UNREACHABLE', { message: 'no process left' });
      };
      const wanted = request(root);
      expect(await failure(submitLocally(contextOf(root, { ensureSupervisor }), wanted))).toMatchObject({
        code: 'BATCH_UNCERTAIN',
      });
      expect((await open(root).find([wanted.name])).get(wanted.name)?.id).toMatch(/-1$/);
    }));

  it('says BATCH_UNREACHABLE with the path when it cannot write there', () =>
    withTempDir(async (root) => {
      const file = join(root, 'file');
      writeFileSync(file, '');
      const error = await failure(open(join(file, 'local')).submit(request(root)));
      expect(error).toMatchObject({ code: 'BATCH_UNREACHABLE' });
      expect(error.message).toContain(file);
    }));

  it('says STATE_FULL when the supervisor ends because the disk takes nothing', () =>
    withTempDir(async (root) => {
      writeFileSync(join(root, 'full.mjs'), `process.exit(${DISK_FULL_EXIT})`);
      const error = await failure(open(root, { supervisorEntry: join(root, 'full.mjs') }).submit(request(root)));
      expect(error).toMatchObject({ code: 'STATE_FULL' });
      expect(error.message).toContain(root);
    }));

  it('says BATCH_REFUSED of an array beyond its limit', () =>
    withTempDir(async (root) => {
      const system = open(root);
      const { maxArraySize } = await system.limits({ resources: request(root).resources });
      const error = await failure(system.submit(request(root, { array: { count: maxArraySize + 1 } })));
      expect(error.code).toBe('BATCH_REFUSED');
      expect(readdirSync(root)).toEqual([]);
    }));

  it('describes itself without writing anything', () =>
    withTempDir(async (root) => {
      const system = open(join(root, 'none'));
      expect(await system.ping()).toMatchObject({ ok: true });
      expect((await system.limits({ resources: { ...request(root).resources, cpus: 2 } })).slots).toBe(1);
      const array = { count: 5, throttle: 2 };
      const { argv } = system.render(request(root, { array, beginAfterSec: 9, after: [{ id: 'local-aaaaa-1' }] }));
      expect(argv).toEqual(
        expect.arrayContaining(['--array=0-4%2', '--begin=now+9', '--dependency=afterany:local-aaaaa-1']),
      );
      expect(await system.states([{ id: 'local-aaaaa-1', count: 1, sinceMs: 0 }])).toMatchObject([
        { phase: 'unknown' },
      ]);
      await system.cancel({ id: 'local-aaaaa-1' });
      await system.cancel({ id: '4711', cluster: '../..' });
      expect(readdirSync(root)).toEqual([]);
    }));
});

describe('files that cannot be written', () => {
  it('a request: STATE_FULL where the disk is full, and nothing half-written is left', () =>
    withTempDir(async (root) => {
      const context = contextOf(root);
      const handle = await submitLocally(context, request(root));
      const system = open(root, { ids: { ...ids, ulid: () => 'u' } });
      const calls = [() => system.cancel(handle), () => system.hold(handle), () => system.drain(handle)];
      for (const call of [...calls, () => system.setThrottle(handle, 2), () => system.requeue(handle, 0)]) {
        symlinkSync('/dev/full', join(context.layout.staging, 'u.json'));
        const error = await failure(call());
        expect(error).toMatchObject({ code: 'STATE_FULL', exitCode: 5 });
        expect(error.message).toContain(root);
        expect(readdirSync(context.layout.staging)).toEqual([]);
      }
      expect(readdirSync(context.layout.control)).toEqual([]);
    }));

  it('the log of the supervisor: BATCH_UNREACHABLE, of whoever asks', () =>
    withTempDir(async (root) => {
      const context = contextOf(root);
      const handle = await submitLocally(context, request(root));
      mkdirSync(context.layout.log);
      writeFileSync(join(root, 'unused.mjs'), '');
      const system = open(root, { supervisorEntry: join(root, 'unused.mjs') });
      const calls = [
        () => system.states([{ ...handle, count: 1, sinceMs: 0 }]),
        () => system.submit(request(root)),
        () => system.cancel(handle),
      ];
      for (const call of calls) {
        const error = await failure(call());
        expect(error).toMatchObject({ code: 'BATCH_UNREACHABLE', exitCode: 5 });
        expect(error.message).toContain('supervisor.log');
      }
    }));

  it('a file that is made or replaced whole: nothing half-written is left', () =>
    withTempDir(async (root) => {
      for (const write of [createFile, replaceFile]) {
        symlinkSync('/dev/full', join(root, '.name.u'));
        expect(() => write(join(root, 'name'), 'text', 'u')).toThrow('ENOSPC');
        expect(readdirSync(root)).toEqual([]);
      }
    }));
});

describe('submissions of another host', () => {
  const submitThere = (root: string): Promise<BatchHandle> =>
    submitLocally(contextOf(root, { host: there }), request(root, { array: { count: 2 } }));
  const layoutOf = (root: string) => hostLayout(root, 'elsewhere');

  it('are found by name and have ids of their own', () =>
    withTempDir(async (root) => {
      const wanted = request(root);
      const handle = await submitLocally(contextOf(root, { host: there }), wanted);
      const local = await submitLocally(contextOf(root), request(root));
      expect(handle.cluster).toBe('elsewhere');
      expect(handle.id).not.toBe(local.id);
      expect((await open(root).find([wanted.name])).get(wanted.name)).toEqual(handle);
    }));

  it('count while their supervisor shows that it lives; afterwards they are unknown, not lost and not well', () =>
    withTempDir(async (root) => {
      const handle = await submitThere(root);
      const states = () => open(root).states([{ id: handle.id, count: 2, sinceMs: 0 }]);
      const silent = { phase: 'unknown', cause: null, reason: 'runs on host elsewhere; ask there' };
      expect(await states()).toMatchObject([silent, silent]);
      takeLock(layoutOf(root), { host: there, clock }, 3, 'u');
      expect(await states()).toMatchObject([{ phase: 'waiting' }, { phase: 'waiting' }]);
      const longAgo = new Date(clock.nowMs() - SILENT_AFTER_MS - 1_000);
      utimesSync(lockPath(layoutOf(root), 1), longAgo, longAgo);
      expect(await states()).toMatchObject([silent, silent]);
      const snapshot = {
        version: 1,
        count: 2,
        endedMs: 1,
        runs: [{ from: 0, to: 1, how: 'COMPLETED', restarts: 0, exit: 0 }],
      };
      writeFileSync(jobFiles(layoutOf(root), 1).ended, JSON.stringify(snapshot));
      expect(await states()).toMatchObject([{ phase: 'ended', cause: null, node: 'elsewhere' }, { phase: 'ended' }]);
    }));

  it('are asked through their files; the request is withdrawn when nobody answers', () =>
    withTempDir(async (root) => {
      const handle = await submitThere(root);
      const { control } = layoutOf(root);
      let leftMs = 0;
      const asked: string[][] = [];
      const impatient = {
        ...clock,
        monotonicMs: () => leftMs,
        async sleep() {
          asked.push(readdirSync(control));
          leftMs += 6_000;
        },
      };
      const error = await failure(open(root, { clock: impatient }).hold(handle));
      expect(error.code).toBe('BATCH_UNREACHABLE');
      expect(error.hint).toContain('elsewhere');
      expect(asked[0]).toHaveLength(1);
      expect(readdirSync(control)).toEqual([]);
      const obliging = { ...clock, sleep: async () => rmSync(join(control, readdirSync(control)[0]!)) };
      await open(root, { clock: obliging }).release(handle);
    }));

  it('are not pruned from here', () =>
    withTempDir(async (root) => {
      const handle = await submitThere(root);
      mkdirSync(join(root, 'stray'));
      writeFileSync(jobFiles(layoutOf(root), 1).ended, JSON.stringify({ version: 1, count: 2, endedMs: 1, runs: [] }));
      expect(await open(root).prune([handle.id, 'nonsense'])).toEqual([]);
    }));
});

describe('prune', () => {
  it('forgets ended submissions and leaves live ones', () =>
    withTempDir(async (root) => {
      const context = contextOf(root);
      const [ended, live] = [await submitLocally(context, request(root)), await submitLocally(context, request(root))];
      const runs = [{ from: 0, to: 0, how: 'COMPLETED', restarts: 0, exit: 0 }];
      writeFileSync(jobFiles(context.layout, 1).ended, JSON.stringify({ version: 1, count: 1, endedMs: 1, runs }));
      const system = open(root, { supervisorEntry: join(root, 'none.js') });
      const watching = createSubmissionReader();
      expect(watching.read(context.layout, 1)?.final).toBe(true);
      expect(await system.prune([ended.id, live.id])).toEqual([ended.id]);
      expect(await system.states([{ ...ended, count: 1, sinceMs: 0 }])).toMatchObject([{ phase: 'unknown' }]);
      expect(existsSync(jobFiles(context.layout, 2).request)).toBe(true);
      expect(watching.read(context.layout, 2)?.final).toBe(false);
      rmSync(jobFiles(context.layout, 2).dir, { recursive: true });
      expect(watching.read(context.layout, 2)).toBe(null);
    }));
});
