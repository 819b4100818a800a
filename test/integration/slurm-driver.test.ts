import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSlurmBatchSystem } from '../../src/backends/batch-system/slurm/index.ts';
import { createSystemClock } from '../../src/backends/clock.ts';
import { runCommand } from '../../src/backends/shared/run-command.ts';
import { isAppError, type AppError } from '../../src/errors/app-error.ts';
import type { BatchHandle, BatchSystem, ElementState } from '../../src/ports/batch-system.ts';
import { bash, until } from '../contract/batch-system.contract.ts';
import { openSlurmBench, slurmTemplate, type SlurmBench } from '../support/slurm-bench.ts';
import { startSlurmCluster, type SlurmCluster } from '../support/slurm-cluster.ts';

const PATIENCE_MS = 60_000;
const CAUSES_OF_LIFE = [
  null,
  'worker-error',
  'killed',
  'killed',
  'time-limit',
  'cancelled-by-user',
  'cancelled-by-user',
] as (string | null)[];

const failure = async (promise: Promise<unknown>): Promise<AppError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isAppError(error)) throw new Error(`not an AppError: ${String(error)}`);
  return error;
};

const statesOf = (system: BatchSystem, handle: BatchHandle, count: number) =>
  system.states([{ ...handle, count, sinceMs: Date.now() - 60_000 }]);

const when = (system: BatchSystem, handle: BatchHandle, count: number, ok: (states: ElementState[]) => boolean) => {
  let last: ElementState[] = [];
  return until(`states of ${handle.id}`, PATIENCE_MS, async () => {
    last = await statesOf(system, handle, count);
    return ok(last) ? last : undefined;
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${JSON.stringify(last)}`);
  });
};
const allEnded = (states: ElementState[]) => states.every(({ phase }) => phase === 'ended');

describe('the Slurm driver on a cluster with accounting', { timeout: 120_000 }, () => {
  let cluster: SlurmCluster;
  let bench: SlurmBench;
  let system: BatchSystem;
  /** The same system after the controller has forgotten every job: only accounting answers. */
  let forgetful: BatchSystem;
  let life: BatchHandle;
  let lost: BatchHandle;
  let back: BatchHandle;
  let backLog: () => string;

  beforeAll(async () => {
    cluster = await startSlurmCluster({
      nodes: 3,
      cpus: 4,
      accounting: true,
      settings: { AccountingStorageEnforce: 'associations,limits' },
    });
    bench = openSlurmBench(cluster);
    system = bench.system;
    forgetful = createSlurmBatchSystem({
      env: cluster.env,
      clock: createSystemClock(),
      template: slurmTemplate,
      run: async (request) =>
        request.argv[0] === 'squeue'
          ? { ended: 'exited', exitCode: 0, signal: null, stdout: '', stderr: '' }
          : runCommand(request),
    });
  }, 120_000);
  afterAll(async () => {
    await bench?.close();
    await cluster?.stop();
  }, 60_000);

  it('follows an array through its life: ends of every kind, told apart', async () => {
    const script =
      'case $SLURM_ARRAY_TASK_ID in 0) exit 0;; 1) exit 3;; 2) exit 137;; 3) kill -9 $$;; *) exec sleep 600;; esac';
    life = await system.submit(
      bench.requestFor(bash(script), { array: { count: 7 }, slurm: { extra: ['--exclude=n3'] } }),
    );
    lost = await system.submit(
      bench.requestFor(['sleep', '600'], { requeue: false, slurm: { partition: 'main', extra: ['--nodelist=n3'] } }),
    );
    await when(system, life, 7, (states) => states.slice(4).every(({ phase }) => phase === 'running'));
    const again = bench.requestFor(
      bash('echo "restart ${SLURM_RESTART_COUNT:-0}"; [ -n "$SLURM_RESTART_COUNT" ] || exec sleep 600'),
      { array: { count: 1 }, slurm: { extra: ['--nodelist=n3'] } },
    );
    back = await system.submit(again);
    backLog = () => {
      const path = join(again.logDir, `${back.id}_0.out`);
      return existsSync(path) ? readFileSync(path, 'utf8') : '';
    };
    await until('the first run wrote its log', PATIENCE_MS, async () => backLog().includes('restart 0') || undefined);
    await when(system, lost, 1, ([state]) => state?.phase === 'running');
    await cluster.killNode('n3');
    await cluster.slurm('scontrol', 'update', `JobId=${life.id}_4`, 'EndTime=now+1');
    await cluster.slurm('scancel', `${life.id}_5`);
    await cluster.slurm('scontrol', 'requeue', `${life.id}_6`);
    // COMPLETING after the requeue counts as running too.
    const again6 = (states: ElementState[]) => states[6]?.restarts === 1 && states[6].rawState === 'RUNNING';
    expect((await when(system, life, 7, again6))[6]).toMatchObject({ phase: 'running', cause: null });
    await system.cancel(life, [6]);
    const states = await when(system, life, 7, allEnded);
    expect(states.map(({ cause }) => cause)).toEqual(CAUSES_OF_LIFE);
    // The script hands on 128 + 9 as the signal that it stands for: accounting would print exit 137 as 9.
    expect(states.slice(0, 4).map(({ exitCode, signal }) => exitCode ?? `signal ${signal}`)).toEqual([
      0,
      3,
      'signal 9',
      'signal 9',
    ]);
    expect(states.every(({ node }) => node === 'n1' || node === 'n2')).toBe(true);
  });

  it('knows the same ends from accounting once the controller has forgotten them', async () => {
    const states = await when(forgetful, life, 7, allEnded);
    expect(states.map(({ cause }) => cause)).toEqual(CAUSES_OF_LIFE);
  });

  it('names a node that died', async () => {
    const [state] = await when(system, lost, 1, allEnded);
    expect(state).toMatchObject({ cause: 'node-fail', node: 'n3', rawState: 'NODE_FAIL' });
    expect(await statesOf(system, back, 1)).toMatchObject([{ phase: 'waiting', cause: null }]);
    await cluster.startNode('n3');
  });

  it('restarts an element whose node died, under the same id', async () => {
    expect(await when(system, back, 1, allEnded)).toMatchObject([{ id: back.id, cause: null, restarts: 1 }]);
    expect(backLog()).toContain('restart 0\n');
    expect(backLog()).toContain('restart 1\n');
  });

  it('finds submissions by name while they wait, after their end, and in accounting alone', async () => {
    const held = bench.requestFor(['true'], { slurm: { extra: ['--hold'] }, array: { count: 3 } });
    const never = bench.requestFor(['true']);
    const handle = await system.submit(held);
    expect(await system.find([held.name, never.name])).toEqual(new Map([[held.name, handle]]));
    await system.cancel(handle);
    expect((await system.find([held.name])).get(held.name)).toEqual(handle);
    const ran = bench.requestFor(['true'], { array: { count: 2 } });
    const id = await system.submit(ran);
    await until('accounting knows the name', PATIENCE_MS, async () => {
      const found = await forgetful.find([ran.name, never.name]);
      return found.size === 0 ? undefined : found;
    }).then((found) => expect(found).toEqual(new Map([[ran.name, id]])));
  });

  it('shows waiting elements as cancelled, in the queue and in accounting, although Slurm would forget them', async () => {
    const handle = await system.submit(
      bench.requestFor(['true'], { slurm: { extra: ['--hold'] }, array: { count: 9 } }),
    );
    await system.cancel(handle, [1, 2, 3, 7]);
    const cancelled = (states: ElementState[]) =>
      states.flatMap(({ index, cause }) => (cause === 'cancelled-by-user' ? [index] : []));
    expect(cancelled(await statesOf(system, handle, 9))).toEqual([1, 2, 3, 7]);
    await when(forgetful, handle, 9, (states) => cancelled(states).join() === '1,2,3,7');
    await system.cancel(handle);
  });

  it('waits out a submit limit and reads it in advance', async () => {
    const limit = (most: number) =>
      cluster.slurm('sacctmgr', '-i', 'modify', 'user', 'where', 'account=main', 'set', `MaxSubmitJobs=${most}`);
    // A driver of its own: what it has read of the site it takes to hold for a moment.
    const limited = createSlurmBatchSystem({ env: cluster.env, clock: createSystemClock(), template: slurmTemplate });
    await limit(3);
    const array = bench.requestFor(['true'], { array: { count: 4 } });
    const error = await until('the limit holds', PATIENCE_MS, () =>
      limited.submit(array).then(
        async (handle) => {
          await limited.cancel(handle);
          return undefined;
        },
        (thrown: unknown) => thrown as AppError,
      ),
    );
    expect([error.code, error.retryable]).toEqual(['BATCH_LIMIT', true]);
    expect(error.message).toContain('AssocMaxSubmitJobLimit');
    expect((await limited.limits({ resources: array.resources })).maxArraySize).toBe(3);
    await limit(-1);
    await until('the limit is gone', PATIENCE_MS, () => limited.submit(array).catch(() => undefined));
  });

  it('refuses what the user got wrong, with the remedy', async () => {
    const submit = (slurm: { partition?: string; account?: string; extra: string[] }) =>
      failure(system.submit(bench.requestFor(['true'], { slurm })));
    const partition = await submit({ partition: 'mian', extra: [] });
    expect([partition.code, partition.hint]).toEqual([
      'BATCH_REFUSED',
      'Did you mean "main"? Partitions of this cluster: main, short',
    ]);
    expect(await submit({ account: 'nobodys', extra: [] })).toMatchObject({
      code: 'BATCH_REFUSED',
      hint: expect.stringContaining('slurm.account'),
    });
    expect((await submit({ extra: ['--no-such-option'] })).code).toBe('BATCH_REFUSED');
    expect((await submit({ extra: ['--constraint=ib'] })).code).toBe('BATCH_REFUSED');
    const nowhere = bench.requestFor(['true'], { exclude: ['n1', 'n2', 'n3'] });
    expect((await failure(system.submit(nowhere))).code).toBe('BATCH_REFUSED');
    const array = bench.requestFor(['true'], { array: { count: 1_002 } });
    expect(await failure(system.submit(array))).toMatchObject({
      code: 'BATCH_REFUSED',
      hint: expect.stringContaining('MaxArraySize'),
    });
    const { resources } = array;
    expect((await failure(system.limits({ partition: 'shrot', resources }))).hint).toContain('"short"');
    expect((await failure(system.limits({ resources: { ...resources, cpus: 5 } }))).code).toBe('BATCH_REFUSED');
    expect(await system.limits({ partition: 'short', resources })).toMatchObject({
      maxArraySize: 1_001,
      slots: 12,
      maxTimeMs: 600_000,
      maxMemoryBytes: 4_000 * 1024 ** 2,
    });
    expect((await system.limits({ partition: 'short', resources, exclude: ['n3'] })).slots).toBe(8);
  });

  it('writes logs into directories with awkward names, and keeps a surrounding job out of the elements', async () => {
    const inside = createSlurmBatchSystem({
      env: {
        ...cluster.env,
        SLURM_ARRAY_TASK_ID: '99',
        SLURM_ARRAY_JOB_ID: '1',
        SLURM_RESTART_COUNT: '7',
        MINE: 'x y',
      },
      clock: createSystemClock(),
      template: slurmTemplate,
    });
    const logDir = join(bench.makeLogDir(), `it's 100% "é" %j`);
    mkdirSync(logDir);
    const script = 'echo "${SLURM_ARRAY_TASK_ID-none} ${SLURM_ARRAY_JOB_ID-none} ${SLURM_RESTART_COUNT-none} $MINE"';
    const handle = await inside.submit(bench.requestFor(bash(script), { logDir, cwd: logDir }));
    expect(await when(system, handle, 1, allEnded)).toMatchObject([{ cause: null }]);
    expect(readFileSync(join(logDir, `${handle.id}_0.out`), 'utf8')).toBe('none none none x y\n');
  });

  it('says soon that the controller is down, and goes on when it is back', async () => {
    const handle = await system.submit(bench.requestFor(['true'], { slurm: { extra: ['--hold'] } }));
    await cluster.stopController();
    const started = performance.now();
    expect(await system.ping()).toMatchObject({ ok: false, detail: expect.stringContaining('DOWN') });
    const request = bench.requestFor(['true']);
    for (const attempt of [
      () => system.submit(request),
      () => statesOf(system, handle, 1),
      () => system.find([request.name]),
    ]) {
      expect((await failure(attempt())).code).toBe('BATCH_UNREACHABLE');
    }
    expect((await failure(system.cancel(handle))).code).toBe('BATCH_UNREACHABLE');
    // Slurm's own commands wait 9 to 18 s each.
    expect(performance.now() - started).toBeLessThan(15_000);
    await cluster.startController();
    expect(await statesOf(system, handle, 1)).toMatchObject([{ phase: 'waiting' }]);
    expect(await system.find([request.name])).toEqual(new Map());
    await system.cancel(handle);
  });
});

describe('the Slurm driver on a controller that is full, without accounting', { timeout: 60_000 }, () => {
  let cluster: SlurmCluster;
  let bench: SlurmBench;
  beforeAll(async () => {
    cluster = await startSlurmCluster({ nodes: 1, settings: { MaxJobCount: 5 } });
    bench = openSlurmBench(cluster);
  }, 60_000);
  afterAll(async () => {
    await bench?.close();
    await cluster?.stop();
  }, 60_000);

  it('does not wait with sbatch, which would sleep for minutes, and finds that nothing was accepted', async () => {
    const array = bench.requestFor(['true'], { array: { count: 9 } });
    expect((await bench.system.limits({ resources: array.resources })).maxArraySize).toBe(5);
    const started = performance.now();
    const error = await failure(bench.system.submit(array));
    expect([error.code, error.retryable]).toEqual(['BATCH_UNCERTAIN', true]);
    expect(error.message).toContain('temporarily unable to accept job');
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(await bench.system.find([array.name])).toEqual(new Map());
  });
});
