import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { BatchHandle, ElementState } from '../../src/ports/batch-system.ts';
import { bash, until, WAIT_FOR_GO } from '../contract/batch-system.contract.ts';
import { compileSupervisor, isAlive, openLocalBench, type LocalBench } from '../support/local-batch.ts';
import { canMount, withSmallDisk } from '../support/small-disk.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const compiled = compileSupervisor();
afterAll(compiled.remove);

const PATIENCE_MS = 15_000;
const benches: LocalBench[] = [];
const openBench = (overrides: Parameters<typeof openLocalBench>[1] = {}): LocalBench => {
  const bench = openLocalBench(compiled.entry, overrides);
  benches.push(bench);
  return bench;
};
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.close();
});

const statesOf = (bench: LocalBench, handle: BatchHandle, count = 1): Promise<ElementState[]> =>
  bench.system.states([{ ...handle, count, sinceMs: 0 }]);
const when = (bench: LocalBench, handle: BatchHandle, count: number, ok: (states: ElementState[]) => boolean) =>
  until(`states of ${handle.id}`, PATIENCE_MS, async () => {
    const states = await statesOf(bench, handle, count);
    return ok(states) ? states : undefined;
  });
const whenEnded = (bench: LocalBench, handle: BatchHandle, count = 1) =>
  when(bench, handle, count, (states) => states.every(({ phase }) => phase === 'ended'));
const textIn = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
const whenPresent = (path: string) => until(path, PATIENCE_MS, async () => textIn(path) || undefined);
const whenDead = (pid: number) => until(`${pid} is gone`, PATIENCE_MS, async () => (isAlive(pid) ? undefined : true));
const supervisorOf = (bench: LocalBench): number => bench.supervisorPid() as number;

/** A separate process that submits `count` plain jobs one after the other and prints their ids. */
function startClient(bench: LocalBench, command: readonly string[], count: number): ChildProcess {
  const script = join(bench.makeLogDir(), 'client.mjs');
  const request = bench.requestFor(command);
  writeFileSync(
    script,
    `import { readFileSync } from 'node:fs';
    import { createLocalBatchSystem } from '${compiled.dir}/backends/batch-system/local/index.js';
    import { createSystemClock } from '${compiled.dir}/backends/clock.js';
    import { createHost } from '${compiled.dir}/backends/host.js';
    import { createSystemIds } from '${compiled.dir}/backends/random.js';
    const clock = createSystemClock();
    const system = createLocalBatchSystem({ root: ${JSON.stringify(bench.root)}, slots: 3, clock, ids: createSystemIds(clock),
      host: createHost(), env: process.env, template: readFileSync('templates/sbatch/worker.sh', 'utf8'), idleMs: 400 });
    const request = ${JSON.stringify(request)};
    for (let number = 0; number < ${count}; number += 1) {
      const handle = await system.submit({ ...request, name: request.name + '-' + process.pid + '-' + number });
      process.stdout.write(handle.id + '\\n');
    }
    if (process.argv[2] === 'linger') setInterval(() => {}, 1000);
    `,
  );
  return spawn(process.execPath, [script, count === 1 ? 'linger' : 'end'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function outputOf(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await once(child, 'close');
  return text;
}

/** An element that says its pid and that of a child which left its process group, then stays. */
const STAYING = 'setsid sleep 600 & echo "$$ $!" > "$1/$SLURM_ARRAY_TASK_ID.${SLURM_RESTART_COUNT:-0}"; sleep 600';
const pidsIn = async (path: string): Promise<number[]> => (await whenPresent(path)).trim().split(' ').map(Number);

describe('local supervisor', () => {
  it('outlives the submitting shell and its whole process group', async () => {
    const bench = openBench();
    const go = join(bench.makeLogDir(), 'go');
    const client = startClient(bench, bash(`${WAIT_FOR_GO}; touch "$1.done"`, go), 1);
    const [id] = (await once(client.stdout!, 'data')) as [Buffer];
    const handle = { id: id.toString().trim() };
    await when(bench, handle, 1, ([state]) => state?.phase === 'running');
    process.kill(-client.pid!, 'SIGKILL');
    await once(client, 'exit');
    writeFileSync(go, '');
    expect(await whenEnded(bench, handle)).toMatchObject([{ cause: null }]);
    expect(existsSync(`${go}.done`)).toBe(true);
  });

  it('gives each of 20 submissions of five processes at once its own id, and runs every one once', async () => {
    const bench = openBench();
    const dir = bench.makeLogDir();
    const clients = Array.from({ length: 5 }, () => startClient(bench, bash('echo x >> "$1/$SLURM_JOB_ID"', dir), 4));
    const ids = (await Promise.all(clients.map(outputOf))).join('').trim().split('\n');
    expect(new Set(ids).size).toBe(20);
    for (const id of ids) expect(await whenEnded(bench, { id })).toMatchObject([{ cause: null }]);
    const runs = readdirSync(dir).filter((name) => name.startsWith('local-'));
    expect(new Set(runs)).toEqual(new Set(ids));
    for (const run of runs) expect(readFileSync(join(dir, run), 'utf8')).toBe('x\n');
  });

  it('killed with -9: its elements end with it as node failures, waiting ones go on', async () => {
    const bench = openBench({ slots: 1 });
    const dir = bench.makeLogDir();
    const script = `[ "$SLURM_ARRAY_TASK_ID" = 1 ] && exit 0; ${STAYING}`;
    const handle = await bench.system.submit(bench.requestFor(bash(script, dir), { array: { count: 2 } }));
    const left = await pidsIn(join(dir, '0.0'));
    process.kill(supervisorOf(bench), 'SIGKILL');
    const states = await whenEnded(bench, handle, 2);
    expect(states).toMatchObject([
      { index: 0, cause: 'node-fail', rawState: 'NODE_FAIL', restarts: 0 },
      { index: 1, cause: null },
    ]);
    for (const pid of left) expect(isAlive(pid)).toBe(false);
  });

  it('killed with -9: elements that may be requeued run again, at most three times', async () => {
    const bench = openBench({ slots: 1 });
    const dir = bench.makeLogDir();
    const handle = await bench.system.submit(
      bench.requestFor(bash(STAYING, dir), { array: { count: 1 }, requeue: true }),
    );
    const all: number[] = [];
    for (const restart of [0, 1, 2, 3]) {
      const path = join(dir, `0.${restart}`);
      // The next client call is what brings a new supervisor.
      const pids = await until(path, PATIENCE_MS, async () => {
        const [state] = await statesOf(bench, handle);
        // The file is there a moment before the numbers are in it.
        const numbers = textIn(path).trim();
        if (numbers === '') return undefined;
        expect(state).toMatchObject({ restarts: restart });
        return numbers.split(' ').map(Number);
      });
      all.push(...pids);
      process.kill(supervisorOf(bench), 'SIGKILL');
    }
    expect(await whenEnded(bench, handle)).toMatchObject([{ cause: 'node-fail', restarts: 3 }]);
    for (const pid of all) expect(isAlive(pid)).toBe(false);
    expect(readdirSync(dir).filter((name) => name.startsWith('0.'))).toHaveLength(4);
  });

  it('killed with -9 while it cancels: the element is cancelled, not failed and not requeued', async () => {
    const bench = openBench({ slots: 1 });
    const dir = bench.makeLogDir();
    const script = `trap '' TERM; ${STAYING.replace('sleep 600;', '')}; sleep 600`;
    const handle = await bench.system.submit(
      bench.requestFor(bash(script, dir), { array: { count: 1 }, requeue: true }),
    );
    await pidsIn(join(dir, '0.0'));
    await bench.system.cancel(handle);
    expect(await statesOf(bench, handle)).toMatchObject([{ phase: 'running', rawState: 'COMPLETING' }]);
    process.kill(supervisorOf(bench), 'SIGKILL');
    expect(await whenEnded(bench, handle)).toMatchObject([{ cause: 'cancelled-by-user', restarts: 0 }]);
  });

  it('kills what ignores SIGTERM once the grace is over', async () => {
    const bench = openBench();
    const dir = bench.makeLogDir();
    const script = `trap '' TERM; echo "$$" > "$1/pid"; while :; do sleep 0.2; done`;
    const handle = await bench.system.submit(bench.requestFor(bash(script, dir)));
    const [pid] = await pidsIn(join(dir, 'pid'));
    await bench.system.cancel(handle);
    expect(await whenEnded(bench, handle)).toMatchObject([{ cause: 'cancelled-by-user', signal: 9 }]);
    expect(isAlive(pid!)).toBe(false);
  });

  it('ends the children that an element leaves behind', async () => {
    const bench = openBench();
    const dir = bench.makeLogDir();
    const handle = await bench.system.submit(bench.requestFor(bash('sleep 600 & echo $! > "$1/pid"', dir)));
    expect(await whenEnded(bench, handle)).toMatchObject([{ cause: null }]);
    await whenDead((await pidsIn(join(dir, 'pid')))[0]!);
  });

  it('told to stop, ends its elements as a failing node would and steps down', async () => {
    const bench = openBench({ slots: 1 });
    const handle = await bench.system.submit(bench.requestFor(['sleep', '600']));
    await when(bench, handle, 1, ([state]) => state?.phase === 'running');
    const pid = supervisorOf(bench);
    process.kill(pid, 'SIGTERM');
    await whenDead(pid);
    expect(bench.supervisorPid()).toBe(null);
    expect(await whenEnded(bench, handle)).toMatchObject([{ cause: 'node-fail' }]);
  });

  it('steps down when idle, keeps the states, and another serves the next submission', async () => {
    const bench = openBench();
    const first = await bench.system.submit(bench.requestFor(['true']));
    await whenEnded(bench, first);
    const pid = supervisorOf(bench);
    await whenDead(pid);
    expect(bench.supervisorPid()).toBe(null);
    expect(await bench.client().states([{ ...first, count: 1, sinceMs: 0 }])).toMatchObject([{ cause: null }]);
    expect(bench.supervisorPid()).toBe(null);
    const second = await bench.system.submit(bench.requestFor(['true']));
    expect(await whenEnded(bench, second)).toMatchObject([{ cause: null }]);
    expect(readdirSync(join(bench.hostDir, 'jobs', '1')).toSorted()).toEqual(['ended.json', 'request.json']);
  });

  it('loses no submission that arrives while the supervisor leaves', async () => {
    const bench = openBench({ idleMs: 1 });
    for (let round = 0; round < 25; round += 1) {
      const handle = await bench.system.submit(bench.requestFor(['true']));
      // Read only: asking for states would bring a supervisor back and hide a loss.
      await whenPresent(join(bench.hostDir, 'jobs', String(round + 1), 'ended.json'));
      expect(handle.id).toMatch(new RegExp(`-${round + 1}$`));
    }
  });

  it('leaves held submissions without a process, and comes back for the release', async () => {
    const bench = openBench();
    const handle = await bench.system.submit(bench.requestFor(['true'], { beginAfterSec: 1 }));
    await bench.system.hold(handle);
    await whenDead(supervisorOf(bench));
    expect(await statesOf(bench, handle)).toMatchObject([{ phase: 'waiting', reason: 'JobHeldUser' }]);
    expect(bench.supervisorPid()).toBe(null);
    await bench.system.release(handle);
    expect(await whenEnded(bench, handle)).toMatchObject([{ cause: null }]);
  });

  it('of many clients that find a dead supervisor, one takes over', async () => {
    const bench = openBench();
    const handle = await bench.system.submit(bench.requestFor(['true']));
    await whenEnded(bench, handle);
    process.kill(supervisorOf(bench), 'SIGKILL');
    await whenDead(supervisorOf(bench));
    const clients = Array.from({ length: 5 }, () => bench.client());
    const handles = await Promise.all(clients.map((client) => client.submit(bench.requestFor(['true']))));
    for (const each of handles) expect(await whenEnded(bench, each)).toMatchObject([{ cause: null }]);
    const log = readFileSync(join(bench.hostDir, 'supervisor.log'), 'utf8');
    expect(log.match(/ supervising with /g)).toHaveLength(2);
    expect(readdirSync(join(bench.hostDir, 'lock'))).toHaveLength(1);
  });

  it('ends with all its elements when its directory is removed', async () => {
    const bench = openBench();
    const dir = bench.makeLogDir();
    await bench.system.submit(bench.requestFor(bash('echo $$ > "$1/pid"; exec sleep 600', dir)));
    const [element] = await pidsIn(join(dir, 'pid'));
    const supervisor = supervisorOf(bench);
    rmSync(bench.root, { recursive: true });
    await whenDead(supervisor);
    await whenDead(element!);
  });

  it('is not touched by the Node options meant for elements, which elements get', async () => {
    const env = { PATH: process.env['PATH'], NODE_OPTIONS: '--no-such-option', SECRET: 'x' };
    const bench = openBench({ env });
    const out = join(bench.makeLogDir(), 'out');
    const handle = await bench.system.submit(bench.requestFor(bash('echo "$NODE_OPTIONS $SECRET" > "$1"', out)));
    expect(await whenEnded(bench, handle)).toMatchObject([{ cause: null }]);
    expect(readFileSync(out, 'utf8')).toBe('--no-such-option x\n');
  });

  it('names what keeps an element from starting', async () => {
    const bench = openBench();
    const logDir = join(bench.makeLogDir(), 'missing');
    const handle = await bench.system.submit(bench.requestFor(['true'], { logDir }));
    const [state] = await whenEnded(bench, handle);
    expect(state).toMatchObject({ cause: 'launch-failed', rawState: 'BOOT_FAIL' });
    expect(state?.reason).toContain(logDir);
  });

  it('lets elements run in parallel only as far as their CPUs fit, and a too wide one alone', async () => {
    const bench = openBench({ slots: 3 });
    const dir = bench.makeLogDir();
    const span = 'a=$(date +%s%N); sleep 0.2; echo "$a $(date +%s%N)" > "$1/$SLURM_JOB_ID.span"';
    const request = bench.requestFor(bash(span, dir));
    const ask = (cpus: number, count: number) =>
      bench.system.submit({
        ...bench.requestFor(bash(span, dir)),
        resources: { ...request.resources, cpus },
        array: { count },
      });
    const handles = [await ask(2, 3), await ask(64, 1)];
    expect(await bench.system.limits({ resources: { ...request.resources, cpus: 2 } })).toMatchObject({ slots: 1 });
    await whenEnded(bench, handles[0]!, 3);
    await whenEnded(bench, handles[1]!, 1);
    const spans = readdirSync(dir)
      .filter((file) => file.endsWith('.span'))
      .map((file) => readFileSync(join(dir, file), 'utf8').trim().split(' ').map(BigInt))
      .toSorted(([a], [b]) => (a! < b! ? -1 : 1));
    expect(spans).toHaveLength(4);
    for (let next = 1; next < spans.length; next += 1) expect(spans[next]![0]! >= spans[next - 1]![1]!).toBe(true);
  });

  it('goes on with its elements when its log takes nothing', async () => {
    const bench = openBench();
    // Made beforehand: the next client only appends to it.
    mkdirSync(bench.hostDir, { recursive: true });
    symlinkSync('/dev/full', join(bench.hostDir, 'supervisor.log'));
    const handle = await bench.system.submit(bench.requestFor(['sleep', '0.2']));
    const pid = supervisorOf(bench);
    expect(await whenEnded(bench, handle)).toMatchObject([{ cause: null, restarts: 0 }]);
    expect(supervisorOf(bench)).toBe(pid);
  });
});

describe.runIf(canMount)('local supervisor on a full disk', () => {
  it('that cannot even say that it supervises: whoever asks is told that the disk is full, then served', async () => {
    const { path, remove } = makeTempDir('full');
    await withSmallDisk(path, { megabytes: 1 }, async (disk) => {
      const bench = openBench({ root: join(disk.path, 'local') });
      const handle = await bench.system.submit(bench.requestFor(['true'], { beginAfterSec: 1 }));
      process.kill(supervisorOf(bench), 'SIGKILL');
      await whenDead(supervisorOf(bench));
      expect(() => writeFileSync(join(disk.path, 'filler'), Buffer.alloc(2 * 1024 ** 2))).toThrow('ENOSPC');
      await expect(statesOf(bench, handle)).rejects.toMatchObject({ code: 'STATE_FULL' });
      disk.grow(4);
      expect(await whenEnded(bench, handle)).toMatchObject([{ cause: null }]);
      await until('the supervisor stepped down', PATIENCE_MS, async () => bench.supervisorPid() === null || undefined);
    });
    remove();
  });
});
