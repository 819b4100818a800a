import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogLine } from '../../src/app/documents.ts';
import { elementLogDir, type Drivers } from '../../src/app/job-backends.ts';
import type { LogsRequest } from '../../src/app/logs-request.ts';
import { readLogs } from '../../src/app/read-logs.ts';
import { createHandlerHost } from '../../src/backends/handler/index.ts';
import { createLogFiles } from '../../src/backends/log/index.ts';
import { asAttemptId, taskIdOf } from '../../src/domain/ids.ts';
import { attemptLogKey, logChunkKey, logChunksPrefix } from '../../src/domain/keys.ts';
import { metaKey, taskKey } from '../../src/domain/state-keys.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { LogFiles } from '../../src/ports/log-file.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { saveLogForDead } from '../../src/worker/save-log-for-dead.ts';
import { eventually } from '../support/live-processes.ts';
import { canMount, withSmallDisk } from '../support/small-disk.ts';
import { createListLog, elementInput, JOB, setTask } from '../support/worker-job.ts';
import { numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

let job: WorkerFixture;
let drivers: Drivers;
beforeEach(async () => {
  job = await openWorkerFixture({
    handlers: createHandlerHost({ capturesConsole: true }),
    logFiles: createLogFiles(),
  });
  const { store, state } = job.deps;
  const urls = { home: job.path, store: store.rootUrl, state: state.rootUrl, queue: 'file:///q' };
  drivers = { ...job.deps, env: {}, urls, scratch: async () => job.deps.scratch } as unknown as Drivers;
});
afterEach(() => job.close());

async function read(request: Partial<LogsRequest> = {}): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const line of readLogs(drivers, { job: JOB, follow: false, ...request })) lines.push(line);
  return lines;
}
const recordOf = ({ text }: LogLine): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
const wordsOf = (lines: readonly LogLine[]): unknown[] => lines.map((line) => recordOf(line)['msg']);

/** Every item says a word, prints a line after a wait, and item 3 fails at its second try too. */
const TALKATIVE = `export default async ({ n }, { log, attempt }) => {
  log.debug('began ' + n);
  await new Promise((done) => setTimeout(done, 2));
  process.stdout.write('printed by ' + n + ' with password=hunter2\\n');
  if (n === 3) throw new TypeError('no row ' + n + ' at https://ada:hunter2@db/');
  if (n === 4 && attempt === 1) throw new RangeError('once only');
  return n;
};`;

const SPEC = {
  input: { kind: 'command', argv: ['true'], cwd: '/', format: 'jsonl', onBadRecord: 'fail-item', id: 'n' },
  retry: { items: 2, attempts: 3, backoff: { baseMs: 1, maxMs: 2 }, tolerate: {} },
} as const;

const twoTasks = async (): Promise<void> => {
  await job.store(TALKATIVE, { tasks: [numbered(0, 5), numbered(5, 5)] }, SPEC);
  await runElement(job.deps, elementInput());
};

describe('logs of a job', () => {
  it('are found by item, with everything that says where a line is from', async () => {
    await twoTasks();
    const lines = await read({ item: '7' });
    expect(wordsOf(lines)).toEqual(['began 7', 'printed by 7 with password=[redacted]']);
    expect(recordOf(lines[1] as LogLine)).toMatchObject({
      job: JOB,
      task: '000001',
      attempt: '100_0.0',
      node: 'n1',
      slurmJobId: '100_0',
      item: '7',
      try: 1,
      stream: 'stdout',
    });
    expect(lines[0]).toMatchObject({
      source: 'attempt',
      task: '000001',
      attempt: '100_0.0',
      level: 'debug',
      item: '7',
    });
    expect(wordsOf(await read({ item: '#4', grep: 'once|began' }))).toEqual(['began 4', 'item failed', 'began 4']);
    await expect(read({ item: 'nobody' })).rejects.toThrow('has no item "nobody"');
  });

  it('are narrowed by level, task, attempt, time and pattern, all together', async () => {
    await twoTasks();
    expect(new Set((await read({ level: 'warn' })).map(({ level }) => level))).toEqual(new Set(['error']));
    expect(wordsOf(await read({ task: '1', grep: '^printed by [67]' }))).toHaveLength(2);
    expect(await read({ attempt: '999_0.0' })).toEqual([]);
    expect(await read({ attempt: '100_0.0', task: '0' })).toEqual(await read({ task: '0' }));
    expect(await read({ since: { agoMs: 60_000 } })).toEqual(await read());
    expect(await read({ since: { atMs: Date.now() + 60_000 } })).toEqual([]);
    expect(await read({ task: '0', level: 'error', grep: 'RangeError' })).toHaveLength(1);
    await expect(read({ grep: '(' })).rejects.toThrow('--grep: found "("');
    await expect(read({ task: '2' })).rejects.toThrow('has no task "2"');
  });

  it('of failed items are those of the items that failed for good', async () => {
    await twoTasks();
    const lines = await read({ failed: true });
    expect(new Set(lines.map(({ item }) => item))).toEqual(new Set(['3']));
    expect(wordsOf(lines).filter((word) => word === 'item failed')).toHaveLength(2);
    expect(await read({ failed: true, task: '1' })).toEqual([]);
    expect(wordsOf(await read({ failed: true, level: 'error' }))).toEqual(['item failed', 'item failed']);
  });

  it('hold no secret, whoever wrote it', async () => {
    await twoTasks();
    const text = (await read()).map((line) => line.text).join('\n');
    expect(text).toContain('no row 3 at https://ada:[redacted]@db/');
    expect(text).not.toContain('hunter2');
  });

  it('hold none of what array elements print, either', async () => {
    await twoTasks();
    const directory = elementLogDir(drivers.urls.home, JOB);
    mkdirSync(directory, { recursive: true });
    const path = join(directory, '100_0.out');
    const key = ['-----BEGIN PRIVATE KEY-----', 'hunter2hunter2', '-----END PRIVATE KEY-----'];
    writeFileSync(path, ['loaded with password=hunter2', '{"headers":{"cookie":"hunter2"}}', ...key, ''].join('\n'));
    // Longer than what is read of a line, and cut within a secret.
    appendFileSync(path, `${'x'.repeat(320 * 1024 - 20)} https://ada:hunter2@host ${'y'.repeat(1_000_000)}\nfine\n`);
    const raw = (await read()).filter(({ source }) => source === 'element');
    expect(raw).toHaveLength(7);
    expect(raw.map(({ text }) => text).join('\n')).not.toMatch(/hunt/);
    expect(raw[0]?.text).toBe('loaded with password=[redacted]');
    expect(raw[6]?.text).toBe('fine');
    expect(await read({ grep: 'hunt' })).toEqual([]);
  });

  it('keep to the bounds of the job file', async () => {
    const logs = { level: 'info', bytes: 4_096, itemBytes: 1_024 } as const;
    const code = `export default ({ n }, { log }) => { log.debug('no'); for (let i = 0; i < 99; i += 1) log.info('chatter ' + i); return n; };`;
    await job.store(code, { tasks: [numbered(0, 20)] }, { logs });
    await runElement(job.deps, elementInput());
    const stored = await job.deps.store.get(attemptLogKey(JOB, taskIdOf(0), asAttemptId('100_0.0')));
    expect(stored?.length).toBeLessThan(2 * logs.bytes);
    const words = wordsOf(await read());
    expect(words).not.toContain('no');
    expect(words).toEqual(expect.arrayContaining(['more lines of this try are left out', 'lines were left out']));
  });
});

describe('logs of what goes on', () => {
  /** The items wait until the test lets them go on. */
  const WAITS = `import { existsSync } from 'node:fs';
export default async ({ n }, { log }) => {
  log.info('began ' + n);
  while (!existsSync(new URL('./go', import.meta.url))) await new Promise((done) => setTimeout(done, 5));
  log.info('ended ' + n);
  return n;
};`;

  it('come with the checkpoints; whoever follows sees each line once, to the end', async () => {
    await job.store(WAITS, { tasks: [numbered(0, 3)] }, { checkpoint: { everyMs: 20 } });
    const running = runElement(job.deps, elementInput());
    const seen: unknown[] = [];
    const following = (async () => {
      for await (const line of readLogs(drivers, { job: JOB, task: '0', follow: true }))
        seen.push(recordOf(line)['msg']);
    })();
    await eventually('lines of a running task', () => seen.length >= 3);
    const part = logChunkKey(JOB, taskIdOf(0), asAttemptId('100_0.0'), 1);
    expect(await job.deps.store.head(part)).not.toBeNull();
    writeFileSync(join(job.path, 'go'), '');
    await running;
    await job.deps.state.write(metaKey(JOB), { set: { state: 'COMPLETED' } }, { op: 'item-present' });
    await following;
    expect(seen).toHaveLength(6);
    expect(new Set(seen.slice(3))).toEqual(new Set(['ended 0', 'ended 1', 'ended 2']));
    expect(await job.deps.store.head(part)).toBeNull();
  });

  it('of a worker that was killed are what it left on its node, and its end', async () => {
    await job.store(WAITS, { tasks: [numbered(0, 3)] });
    const attempt = asAttemptId('7_0.0');
    const task = taskIdOf(0);
    await setTask(job.deps.state, 0, { state: 'RUNNING', owner: attempt, attempts: 1 });
    const logPath = join(job.path, 'left.jsonl');
    const line = (msg: string): string =>
      `{"time":"2026-11-21T12:00:00.000Z","level":"info","msg":"${msg}","item":"1"}\n`;
    const first = logChunkKey(JOB, task, attempt, 1);
    await job.deps.store.put(first, line('in the part'));
    writeFileSync(logPath, `${line('in the part')}${line('after the checkpoint')}{"time":"torn`);
    const left = { job: JOB, task, key: taskKey(JOB, task, 1), attempt, generation: 1, logPath };
    const end = { nowMs: 0, node: 'n1', cause: 'killed', detail: 'killed by 9 with password=hunter2' };
    const save = () => saveLogForDead({ store: job.deps.store, logFiles: createLogFiles() }, left, end);
    expect(wordsOf(await read())).toEqual(['in the part']);
    expect(await save()).toBe(true);
    const lines = await read();
    expect(wordsOf(lines)).toEqual(['in the part', 'after the checkpoint', 'the worker died']);
    expect(recordOf(lines[2] as LogLine)).toMatchObject({ level: 'error', cause: 'killed', node: 'n1', attempt });
    expect(lines[2]?.text).not.toContain('hunter2');
    // Written once: a commit may name it.
    expect(await save()).toBe(false);
    expect(wordsOf(await read({ item: '1' }))).toEqual(['in the part', 'after the checkpoint']);
  });

  it.each([
    ['is gone', null],
    ['stopped early', 1],
  ])('of a worker that was killed hide nothing that is stored when the file on its node %s', async (_, lines) => {
    await job.store(WAITS, { tasks: [numbered(0, 3)] });
    const attempt = asAttemptId('7_0.0');
    const task = taskIdOf(0);
    await setTask(job.deps.state, 0, { state: 'RUNNING', owner: attempt, attempts: 1 });
    const line = (msg: string): string => `{"time":"2026-11-21T12:00:00.000Z","level":"info","msg":"${msg}"}\n`;
    await job.deps.store.put(logChunkKey(JOB, task, attempt, 1), line('one') + line('two'));
    await job.deps.store.put(logChunkKey(JOB, task, attempt, 2), line('three'));
    const logPath = join(job.path, 'left.jsonl');
    if (lines !== null) writeFileSync(logPath, line('one').repeat(lines));
    const left = { job: JOB, task, key: taskKey(JOB, task, 1), attempt, generation: 1, logPath };
    const end = { nowMs: 0, node: 'n1', cause: 'killed', detail: 'killed by 9' };
    expect(await saveLogForDead({ store: job.deps.store, logFiles: createLogFiles() }, left, end)).toBe(true);
    expect(wordsOf(await read())).toEqual(['one', 'two', 'three', 'the worker died']);
  });

  it('of a worker that is told to stop are stored once its task is given back', async () => {
    await job.store(WAITS, { tasks: [numbered(0, 9)] });
    const { state, store } = job.deps;
    const stop = new AbortController();
    const whole = attemptLogKey(JOB, taskIdOf(0), asAttemptId('100_0.0'));
    const found: unknown[] = [];
    const put: typeof store.put = async (key, ...rest) => {
      if (key === whole) found.push((await state.get(taskKey(JOB, taskIdOf(0), 1)))?.['state']);
      return store.put(key, ...rest);
    };
    const create: LogFiles['create'] = (path) => {
      const file = createLogFiles().create(path);
      return {
        ...file,
        append(text) {
          stop.abort('drain:terminated');
          writeFileSync(join(job.path, 'go'), '');
          return file.append(text);
        },
      };
    };
    const logFiles = { ...createLogFiles(), create };
    await runElement({ ...job.deps, logFiles, store: { ...store, put }, stop: stop.signal }, elementInput());
    expect(found).toEqual(['WAIT']);
    expect(wordsOf(await read())).toContain('ended 0');
  });

  it('come to who follows though they are stored after the task was given back', async () => {
    await job.store(WAITS, { tasks: [numbered(0, 3)] });
    const attempt = asAttemptId('7_0.0');
    const line = (msg: string): string => `{"time":"2026-11-21T12:00:00.000Z","level":"info","msg":"${msg}"}\n`;
    const { state, store, clock } = job.deps;
    await store.put(logChunkKey(JOB, taskIdOf(0), attempt, 1), line('one'));
    await setTask(state, 0, { state: 'WAIT', cause: 'drained', attempts: 1 });
    const restless = { ...drivers, clock: { ...clock, sleep: (_ms: number) => clock.sleep(5) } };
    const seen: unknown[] = [];
    const following = (async () => {
      for await (const found of readLogs(restless, { job: JOB, follow: true })) seen.push(recordOf(found)['msg']);
    })();
    await eventually('the part', () => seen.length === 1);
    await store.put(attemptLogKey(JOB, taskIdOf(0), attempt), line('one') + line('two'));
    try {
      await eventually('the rest', () => seen.length === 2, 5_000);
    } finally {
      await state.write(metaKey(JOB), { set: { state: 'COMPLETED' } }, { op: 'item-present' });
      await following;
    }
    expect(seen).toEqual(['one', 'two']);
  });

  it('of an attempt that ends without a result tell why', async () => {
    await job.store(TALKATIVE, { tasks: [numbered(0, 3)] }, SPEC);
    const stop = new AbortController();
    stop.abort('drain:terminated');
    await runElement({ ...job.deps, stop: stop.signal }, elementInput());
    const results = { ...job.deps.resultFiles, create: failing };
    await runElement({ ...job.deps, resultFiles: results }, elementInput({ restarts: 1 })).catch(() => undefined);
    const words = wordsOf(await read());
    expect(words).toContain('the attempt ended without a result');
  });

  it('of a commit whose answer was lost are as the commit names them', async () => {
    await job.store(TALKATIVE, { tasks: [numbered(0, 3)] }, SPEC);
    const { state, store } = job.deps;
    const write: typeof state.write = async (...args) => {
      const result = await state.write(...args);
      if (args[1].set?.['state'] !== 'DONE') return result;
      throw new AppError('STATE_MISSING', { message: 'the answer is lost' });
    };
    await runElement({ ...job.deps, state: { ...state, write } }, elementInput()).catch(() => undefined);
    const { log } = (await job.done(0)).files;
    expect(await store.head(attemptLogKey(JOB, taskIdOf(0), asAttemptId('100_0.0')))).toMatchObject({
      bytes: log?.bytes,
    });
  });

  function failing(path: string): ReturnType<WorkerFixture['deps']['resultFiles']['create']> {
    const file = job.deps.resultFiles.create(path);
    return {
      ...file,
      append() {
        throw new AppError('SCRATCH_FULL', { message: 'no space left' });
      },
    };
  }
});

describe('a log that cannot be written', () => {
  it('on the node costs no item, and is stored all the same', async () => {
    const logFiles = { ...createLogFiles(), create: () => createLogFiles().create('/proc/nowhere/log.jsonl') };
    await job.store(TALKATIVE, { tasks: [numbered(0, 3)] }, SPEC);
    await runElement({ ...job.deps, logFiles }, elementInput());
    expect((await job.task(0)).win).toMatchObject({ succeeded: 3, failed: 0 });
    expect(wordsOf(await read())).toEqual(
      expect.arrayContaining(['began 2', 'this log is not kept on the disk of the node']),
    );
  });

  it('because its directory was removed meanwhile costs no item, and is stored all the same', async () => {
    const create: LogFiles['create'] = (path) => {
      const file = createLogFiles().create(path);
      return {
        ...file,
        append(text) {
          rmSync(path, { force: true });
          return file.append(text);
        },
      };
    };
    await job.store(TALKATIVE, { tasks: [numbered(0, 3)] }, SPEC);
    await runElement({ ...job.deps, logFiles: { ...createLogFiles(), create } }, elementInput());
    expect((await job.task(0)).win).toMatchObject({ succeeded: 3, failed: 0 });
    expect(wordsOf(await read())).toEqual(expect.arrayContaining(['began 2']));
  });

  it.runIf(canMount)(
    'because the disk of the node fills up costs no item, and what comes is stored all the same',
    async () => {
      await withSmallDisk(job.path, { megabytes: 1 }, async ({ path }) => {
        const create: LogFiles['create'] = () => createLogFiles().create(join(path, 'log.jsonl'));
        const code = `export default ({ n }, { log }) => { log.warn('n ' + n, { long: 'x'.repeat(60_000) }); return n; };`;
        await job.store(
          code,
          { tasks: [numbered(0, 40)] },
          { logs: { level: 'info', bytes: 8e6, itemBytes: 100_000 } },
        );
        await runElement({ ...job.deps, logFiles: { ...createLogFiles(), create } }, elementInput());
        expect((await job.task(0)).win).toMatchObject({ succeeded: 40, failed: 0 });
        const words = wordsOf(await read());
        expect(words).toHaveLength(41);
        expect(words.filter((word) => word === 'this log is not kept on the disk of the node')).toHaveLength(1);
      });
    },
  );

  it('whatever a handler prints or logs costs no item', async () => {
    const code = `export default async ({ n }, { log }) => {
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => (at * 7919) % 256));
      if (n === 0) process.stdout.write('x'.repeat(10_000_000) + '\\n');
      if (n === 1) for (let at = 0; at < 400; at += 1) process.stdout.write(bytes);
      if (n === 2) for (let at = 0; at < 20_000; at += 1) process.stderr.write('\\r' + at / 200 + ' % done');
      if (n === 3) for (let at = 0; at < 100_000; at += 1) process.stdout.write('line ' + at + '\\n');
      if (n === 4) for (const byte of Buffer.from('é😀 wörds'.repeat(100))) { process.stdout.write(Buffer.of(byte)); if (byte === 32) await null; }
      if (n === 5) { log.info(); log.info(new Error('an error')); log.info('x', { get a() { throw new Error('no'); } }); }
      if (n === 6) log.error('deep', { error: new TypeError('at https://ada:hunter2@db/') });
      return n;
    };`;
    await job.store(code, { tasks: [numbered(0, 7)] });
    await runElement(job.deps, elementInput());
    expect((await job.task(0)).win).toMatchObject({ succeeded: 7, failed: 0 });
    const of = async (item: string) => (await read({ item })).map((line) => recordOf(line));
    const stored = await job.deps.store.get(attemptLogKey(JOB, taskIdOf(0), asAttemptId('100_0.0')));
    expect(stored?.length).toBeLessThan(1_000_000);
    expect((await of('0')).at(-1)).toMatchObject({ msg: 'more lines of this try are left out' });
    expect(await of('2')).toMatchObject([{ msg: '99.995 % done', stream: 'stderr' }]);
    expect((await of('3')).length).toBeGreaterThan(100);
    expect(await of('4')).toMatchObject([{ msg: 'é😀 wörds'.repeat(100), stream: 'stdout' }]);
    expect((await of('5')).map(({ msg }) => msg)).toEqual(['undefined', 'Error: an error', 'x']);
    expect(await of('6')).toMatchObject([{ error: { name: 'TypeError', message: 'at https://ada:[redacted]@db/' } }]);
  });

  it('to the store with the checkpoints costs no item, and is said once', async () => {
    const { store } = job.deps;
    const log = createListLog();
    const deaf = {
      ...store,
      put: (...args: Parameters<typeof store.put>) =>
        args[0].startsWith(logChunksPrefix(JOB, taskIdOf(0), asAttemptId('100_0.0')))
          ? Promise.reject(new AppError('STORE_UNAVAILABLE', { message: 'no' }))
          : store.put(...args),
    };
    const code = `export default async ({ n }, { log }) => { log.info('n ' + n); await new Promise((done) => setTimeout(done, 60)); return n; };`;
    await job.store(code, { tasks: [numbered(0, 8)] }, { checkpoint: { everyMs: 15 }, handler: { concurrency: 1 } });
    await runElement({ ...job.deps, store: deaf, log }, elementInput());
    expect((await job.task(0)).win).toMatchObject({ succeeded: 8, failed: 0 });
    expect(log.lines.filter(({ message }) => message === 'the log of a task is not stored')).toHaveLength(1);
    expect(wordsOf(await read())).toHaveLength(8);
  });
});
