import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  HELD,
  type BatchHandle,
  type BatchSystem,
  type ElementState,
  type SubmitRequest,
} from '../../src/ports/batch-system.ts';

/** What a driver's author opens for the suite: a working batch system whose elements see the directories made here. */
export interface BatchBench {
  readonly system: BatchSystem;
  /** A request that runs `command` once with small resources and an unguessable name; `extra` overrides fields. */
  requestFor(command: readonly string[], extra?: Partial<SubmitRequest>): SubmitRequest;
  /** A fresh directory that elements and this process both see; used for element logs and for what elements write. */
  makeLogDir(): string;
  close(): Promise<void>;
}

export interface BatchCapabilities {
  /** An id of the right shape that this system never gave out. */
  readonly unknownId: string;
  /** Shortest time limit it enforces, ms. */
  readonly shortestTimeLimitMs: number;
  /** Longest that anything due may take to become visible, ms: the bound of every wait here. */
  readonly patienceMs: number;
  /** Requeues a running element from outside (`scontrol requeue`); absent: the system cannot. */
  readonly requeue?: (bench: BatchBench, handle: BatchHandle, index: number) => Promise<void>;
}

/** Polls `probe` until it gives something; a batch system has no event a client could await. */
export async function until<T>(what: string, timeoutMs: number, probe: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(25);
  }
}

export const bash = (script: string, ...args: string[]): string[] => ['/bin/bash', '-c', script, 'bash', ...args];

/** Bash lines that wait until the file named by the first argument exists. */
export const WAIT_FOR_GO = 'while [ ! -e "$1" ]; do sleep 0.05; done';

/**
 * The promises of src/ports/batch-system.ts, for every driver. Three elements must be able to run at once.
 * Each test submits its own jobs and ends them.
 */
export function describeBatchSystem(name: string, open: () => Promise<BatchBench>, can: BatchCapabilities): void {
  describe(`batch system contract: ${name}`, { timeout: can.patienceMs * 4 }, () => {
    let bench: BatchBench;
    const openedMs = Date.now();
    const live: BatchHandle[] = [];

    beforeAll(async () => {
      bench = await open();
    }, 120_000);
    afterAll(async () => {
      if (bench === undefined) return;
      for (const handle of live) await bench.system.cancel(handle);
      await bench.close();
    }, 120_000);

    const submit = async (request: SubmitRequest): Promise<BatchHandle> => {
      const handle = await bench.system.submit(request);
      live.push(handle);
      return handle;
    };
    const statesOf = (handle: BatchHandle, count = 1): Promise<ElementState[]> =>
      bench.system.states([{ ...handle, count, sinceMs: openedMs }]);
    const when = (what: string, handle: BatchHandle, count: number, ok: (states: ElementState[]) => boolean) =>
      until(`${what} (${handle.id})`, can.patienceMs, async () => {
        const states = await statesOf(handle, count);
        return ok(states) ? states : undefined;
      });
    const whenEnded = (handle: BatchHandle, count = 1) =>
      when('all elements end', handle, count, (states) => states.every(({ phase }) => phase === 'ended'));
    const running = (states: ElementState[]) => states.filter(({ phase }) => phase === 'running').length;

    it('answers a ping and says its limits with their sources', async () => {
      expect(await bench.system.ping()).toMatchObject({ ok: true });
      const { resources } = bench.requestFor(['true']);
      const limits = await bench.system.limits({ resources });
      expect(limits.maxArraySize).toBeGreaterThan(1);
      expect(limits.slots === null || limits.slots >= 1).toBe(true);
      expect(limits.maxMemoryBytes === null || limits.maxMemoryBytes >= resources.memoryBytes).toBe(true);
      expect(limits.sources.length).toBeGreaterThan(0);
    });

    it('renders what it would send, and sends nothing', async () => {
      const request = bench.requestFor(['true'], { array: { count: 3, throttle: 2 } });
      const { argv, script } = bench.system.render(request);
      expect(argv.join(' ')).toContain(request.name);
      expect(script).toMatch(/^#!\/bin\/bash\n/);
      expect(await bench.system.find([request.name])).toEqual(new Map());
    });

    it('runs a plain job to a good end, with output and errors in its log', async () => {
      const logDir = bench.makeLogDir();
      const handle = await submit(bench.requestFor(bash('echo to-stdout; echo to-stderr >&2'), { logDir }));
      const [state] = await whenEnded(handle);
      expect(state).toMatchObject({ id: handle.id, index: 0, phase: 'ended', cause: null, exitCode: 0 });
      const log = await until('the log is complete', can.patienceMs, async () => {
        const path = join(logDir, `${handle.id}_0.out`);
        const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
        return text.includes('to-stderr') ? text : undefined;
      });
      expect(log).toContain('to-stdout');
    });

    it('tells each element of an array apart: index, log, exit code, cause', async () => {
      const logDir = bench.makeLogDir();
      const command = bash('echo "element $SLURM_ARRAY_TASK_ID"; exit "$SLURM_ARRAY_TASK_ID"');
      const handle = await submit(bench.requestFor(command, { logDir, array: { count: 4 } }));
      const states = await whenEnded(handle, 4);
      expect(new Set(states.map(({ index }) => index))).toEqual(new Set([0, 1, 2, 3]));
      expect(states).toHaveLength(4);
      for (const state of states) {
        expect(state).toMatchObject({ exitCode: state.index, cause: state.index === 0 ? null : 'worker-error' });
        expect(readFileSync(join(logDir, `${handle.id}_${state.index}.out`), 'utf8')).toBe(`element ${state.index}\n`);
      }
    });

    it('names a death by signal', async () => {
      const handle = await submit(bench.requestFor(bash('kill -9 $$')));
      const [state] = await whenEnded(handle);
      expect(state).toMatchObject({ cause: 'killed', signal: 9 });
    });

    it('sets the variables of Slurm and those of the request, and the working directory', async () => {
      const dir = bench.makeLogDir();
      const dump =
        'require("fs").writeFileSync(process.argv[1], JSON.stringify({ env: process.env, cwd: process.cwd() }))';
      const request = bench.requestFor([process.execPath, '-e', dump, '--', join(dir, 'env.json')], {
        environment: { PLAIN: 'x', HOSTILE: 'a "b" \'c\' $HOME `id` \\ \n{{command}} é' },
        cwd: dir,
        array: { count: 1 },
      });
      const handle = await submit(request);
      await whenEnded(handle);
      const seen = JSON.parse(readFileSync(join(dir, 'env.json'), 'utf8')) as {
        env: Record<string, string>;
        cwd: string;
      };
      expect(seen.cwd).toBe(dir);
      expect(seen.env).toMatchObject({
        PLAIN: 'x',
        HOSTILE: request.environment['HOSTILE'],
        SLURM_ARRAY_JOB_ID: handle.id,
        SLURM_ARRAY_TASK_ID: '0',
        SLURM_JOB_NAME: request.name,
        SLURM_CPUS_PER_TASK: String(request.resources.cpus),
        SLURM_MEM_PER_NODE: String(Math.ceil(request.resources.memoryBytes / 1024 ** 2)),
      });
      expect(seen.env['SLURM_JOB_ID']).toBeTruthy();
      expect(seen.env['SLURMD_NODENAME']).toBeTruthy();
      expect(seen.env).not.toHaveProperty('SLURM_RESTART_COUNT');
    });

    it('hands every argument to the command byte for byte', async () => {
      const out = join(bench.makeLogDir(), 'argv.json');
      const hostile = [
        '',
        ' ',
        'a b',
        "it's",
        '"quoted"',
        '$HOME $(id) `id` ${x}',
        '\\',
        'two\nlines\n',
        '\r\ttab',
        '#SBATCH --wrap=x',
        '*',
        '~',
        '!!',
        '{{name}}',
        'é漢🎉\u202e',
        '-n',
        '--',
        ';rm -rf x&',
        '\u0001\u007f',
        'x'.repeat(5_000),
      ];
      const script = 'require("fs").writeFileSync(process.argv[1], JSON.stringify(process.argv.slice(2)))';
      const handle = await submit(bench.requestFor([process.execPath, '-e', script, '--', out, ...hostile]));
      await whenEnded(handle);
      expect(JSON.parse(readFileSync(out, 'utf8'))).toEqual(hostile);
    });

    it('finds a submission by its name, and nothing else', async () => {
      const request = bench.requestFor(['true']);
      const other = bench.requestFor(['true']);
      const handle = await submit(request);
      const found = await bench.system.find([request.name, `${request.name}x`, other.name]);
      expect([...found.keys()]).toEqual([request.name]);
      expect(found.get(request.name)?.id).toBe(handle.id);
      expect(await bench.system.find([])).toEqual(new Map());
    });

    it('tells what waits and runs, by name, and forgets what has ended', async () => {
      const request = bench.requestFor(['sleep', '600'], { array: { count: 3, throttle: 1 } });
      const handle = await submit(request);
      const mine = async () => (await bench.system.queued()).find(({ name }) => name === request.name);
      await when('one runs', handle, 3, (states) => running(states) > 0);
      const queued = await until('it is in the queue', can.patienceMs, mine);
      expect(queued).toMatchObject({ handle: { id: handle.id }, waiting: 2, running: 1 });
      // Somebody may not have said why of all of them, and nobody says it of those that run.
      const explained = queued.reasons.reduce((sum, { elements }) => sum + elements, 0);
      expect(explained).toBeLessThanOrEqual(2);
      await bench.system.cancel(handle);
      await whenEnded(handle, 3);
      expect(await mine()).toBeUndefined();
    });

    it('says unknown of what it does not know, never a good end', async () => {
      const states = await statesOf({ id: can.unknownId }, 2);
      expect(states.map(({ index }) => index)).toEqual([0, 1]);
      for (const state of states) expect(state).toMatchObject({ id: can.unknownId, phase: 'unknown' });
      await bench.system.cancel({ id: can.unknownId });
    });

    it('answers for several submissions in one call', async () => {
      const first = await submit(bench.requestFor(['true'], { array: { count: 2 } }));
      const second = await submit(bench.requestFor(['false']));
      const query = [
        { ...first, count: 2, sinceMs: openedMs },
        { ...second, count: 1, sinceMs: openedMs },
        { id: can.unknownId, count: 1, sinceMs: openedMs },
      ];
      const states = await until('both end', can.patienceMs, async () => {
        const all = await bench.system.states(query);
        expect(all).toHaveLength(4);
        return all.filter(({ phase }) => phase === 'ended').length === 3 ? all : undefined;
      });
      const causes = new Map(states.map((state) => [`${state.id}_${state.index}`, state.cause]));
      expect(causes.get(`${first.id}_1`)).toBe(null);
      expect(causes.get(`${second.id}_0`)).toBe('worker-error');
      expect(await bench.system.states([])).toEqual([]);
    });

    it('cancels one waiting and one running element and lets the rest go on', async () => {
      const go = join(bench.makeLogDir(), 'go');
      // The first one hangs: it does not even listen when it is asked to end.
      const hangs = 'case $SLURM_ARRAY_TASK_ID in 0) trap "" TERM;; esac';
      const request = bench.requestFor(bash(`${hangs}; ${WAIT_FOR_GO}; touch "$1.$SLURM_ARRAY_TASK_ID"`, go), {
        array: { count: 3, throttle: 1 },
      });
      const handle = await submit(request);
      await when('the first runs', handle, 3, (states) => states[0]?.phase === 'running');
      await bench.system.cancel(handle, [2]);
      await bench.system.cancel(handle, [0]);
      const cancelled = (states: ElementState[], index: number) =>
        states.find((state) => state.index === index)?.cause === 'cancelled-by-user';
      await when('both are cancelled', handle, 3, (states) => cancelled(states, 0) && cancelled(states, 2));
      writeFileSync(go, '');
      const states = await whenEnded(handle, 3);
      expect(states.find(({ index }) => index === 1)).toMatchObject({ cause: null });
      expect([0, 1, 2].map((index) => existsSync(`${go}.${index}`))).toEqual([false, true, false]);
    });

    it('cancels a whole array, twice, also after its end', async () => {
      const handle = await submit(bench.requestFor(['sleep', '600'], { array: { count: 4, throttle: 1 } }));
      await when('one runs', handle, 4, (states) => running(states) > 0);
      await bench.system.cancel(handle);
      await bench.system.cancel(handle);
      const states = await whenEnded(handle, 4);
      for (const state of states) expect(state).toMatchObject({ cause: 'cancelled-by-user' });
      await bench.system.cancel(handle);
    });

    it('starts a dependent job when the other has ended, however it ended', async () => {
      const go = join(bench.makeLogDir(), 'go');
      const first = await submit(bench.requestFor(bash(`${WAIT_FOR_GO}; touch "$1.first"; exit 1`, go)));
      const second = await submit(bench.requestFor(bash('[ -e "$1.first" ]', go), { after: [first] }));
      await when('the first runs', first, 1, (states) => running(states) === 1);
      expect(await statesOf(second)).toMatchObject([{ phase: 'waiting' }]);
      writeFileSync(go, '');
      expect(await whenEnded(first)).toMatchObject([{ cause: 'worker-error' }]);
      expect(await whenEnded(second)).toMatchObject([{ cause: null }]);
    });

    it('waits with a job that begins later', async () => {
      const stamp = join(bench.makeLogDir(), 'stamp');
      const submittedMs = Date.now();
      const handle = await submit(bench.requestFor(bash('date +%s%3N > "$1"', stamp), { beginAfterSec: 3 }));
      expect(await statesOf(handle)).toMatchObject([{ phase: 'waiting' }]);
      expect(await whenEnded(handle)).toMatchObject([{ cause: null }]);
      // Batch systems count whole seconds.
      expect(Number(readFileSync(stamp, 'utf8')) - submittedMs).toBeGreaterThan(1_900);
    });

    it('holds waiting elements, not running ones, and releases them', async () => {
      const go = join(bench.makeLogDir(), 'go');
      const handle = await submit(bench.requestFor(bash(WAIT_FOR_GO, go), { array: { count: 2, throttle: 1 } }));
      await when('one runs', handle, 2, (states) => running(states) === 1);
      await bench.system.hold(handle);
      writeFileSync(go, '');
      await when('one ends', handle, 2, (states) => states.filter(({ phase }) => phase === 'ended').length === 1);
      // A later job that runs to its end proves that the scheduler had its chance to start the held element.
      await whenEnded(await submit(bench.requestFor(['true'])));
      expect((await statesOf(handle, 2)).map(({ phase }) => phase).toSorted()).toEqual(['ended', 'waiting']);
      await bench.system.release(handle);
      for (const state of await whenEnded(handle, 2)) expect(state).toMatchObject({ cause: null });
    });

    it('drains running elements, which end as they like, and leaves waiting ones alone', async () => {
      const dir = bench.makeLogDir();
      const script =
        'trap \'touch "$1/$SLURM_ARRAY_TASK_ID.told"; exit 0\' TERM; touch "$1/ready"; while :; do sleep 0.1; done';
      const handle = await submit(bench.requestFor(bash(script, dir), { array: { count: 2, throttle: 1 } }));
      await when('one runs', handle, 2, (states) => running(states) === 1 && existsSync(join(dir, 'ready')));
      await bench.system.hold(handle);
      await bench.system.drain(handle);
      await when('it ends', handle, 2, (states) => states.some(({ phase }) => phase === 'ended'));
      const states = await statesOf(handle, 2);
      expect(states.map(({ phase }) => phase).toSorted()).toEqual(['ended', 'waiting']);
      expect(states.find(({ phase }) => phase === 'ended')).toMatchObject({ cause: null });
      expect(states.find(({ phase }) => phase === 'waiting')).toMatchObject({ reason: HELD });
      await bench.system.drain(handle);
      await bench.system.cancel(handle);
      await bench.system.drain(handle);
    });

    it('never runs more elements at once than the throttle says', async () => {
      const dir = bench.makeLogDir();
      const script = 'a=$(date +%s%N); sleep 0.2; echo "$a $(date +%s%N)" > "$1/$SLURM_ARRAY_TASK_ID.span"';
      const handle = await submit(bench.requestFor(bash(script, dir), { array: { count: 6, throttle: 2 } }));
      await whenEnded(handle, 6);
      const spans = readdirSync(dir)
        .filter((file) => file.endsWith('.span'))
        .map((file) => readFileSync(join(dir, file), 'utf8').trim().split(' ').map(BigInt));
      expect(spans).toHaveLength(6);
      const atOnce = spans.map(([start]) => spans.filter(([from, to]) => from! <= start! && start! < to!).length);
      expect(Math.max(...atOnce)).toBeLessThanOrEqual(2);
    });

    it('changes the throttle of a submitted array, and ends nobody who runs', async () => {
      const go = join(bench.makeLogDir(), 'go');
      const handle = await submit(bench.requestFor(bash(WAIT_FOR_GO, go), { array: { count: 3, throttle: 1 } }));
      await when('one runs', handle, 3, (states) => running(states) === 1);
      await bench.system.setThrottle(handle, 2);
      await when('two run', handle, 3, (states) => running(states) === 2);
      await bench.system.setThrottle(handle, 1);
      expect(running(await statesOf(handle, 3))).toBe(2);
      writeFileSync(go, '');
      for (const state of await whenEnded(handle, 3)) expect(state).toMatchObject({ cause: null });
    });

    it('warns with SIGUSR2 before the time limit and names it as the cause of the end', async () => {
      const dir = bench.makeLogDir();
      const script = 'trap \'touch "$1/warned"\' USR2; while :; do sleep 0.1; done';
      const { resources } = bench.requestFor(['true']);
      const handle = await submit(
        bench.requestFor(bash(script, dir), {
          resources: { ...resources, timeMs: can.shortestTimeLimitMs },
          warnBeforeEndSec: Math.ceil(can.shortestTimeLimitMs / 2_000),
        }),
      );
      const states = await until('the limit ends it', can.shortestTimeLimitMs + 2 * can.patienceMs, async () => {
        const now = await statesOf(handle);
        return now[0]?.phase === 'ended' ? now : undefined;
      });
      expect(states).toMatchObject([{ cause: 'time-limit' }]);
      expect(existsSync(join(dir, 'warned'))).toBe(true);
    });

    it.runIf(can.requeue !== undefined)('requeues an element under the same id with a restart count', async () => {
      const dir = bench.makeLogDir();
      const script = 'echo "run ${SLURM_RESTART_COUNT:-none}"; [ -n "$SLURM_RESTART_COUNT" ] && exit 0; exec sleep 600';
      const request = bench.requestFor(bash(script), { logDir: dir, array: { count: 1 }, requeue: true });
      const handle = await submit(request);
      await when('it runs', handle, 1, (states) => running(states) === 1);
      await until('it wrote its log', can.patienceMs, async () => {
        const path = join(dir, `${handle.id}_0.out`);
        return existsSync(path) && readFileSync(path, 'utf8').includes('run none') ? true : undefined;
      });
      await can.requeue?.(bench, handle, 0);
      expect(await whenEnded(handle)).toMatchObject([{ id: handle.id, cause: null, restarts: 1 }]);
      const log = readFileSync(join(dir, `${handle.id}_0.out`), 'utf8');
      expect(log).toContain('run none');
      expect(log).toContain('run 1');
    });
  });
}
