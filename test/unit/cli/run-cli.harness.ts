import { Readable, Writable } from 'node:stream';
import type { App, CreateApp } from '../../../src/app/api.ts';
import { type CliIo, type StopHooks, StdoutClosed } from '../../../src/cli/io.ts';
import { runCli } from '../../../src/cli/run-cli.ts';

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What `createApp` was asked for; empty when the app was never opened. */
  readonly opened: readonly Parameters<CreateApp>[0][];
  readonly closed: number;
}

export interface CliRunOptions {
  /** The methods that the command under test may call; every other one fails the test. */
  readonly app?: Partial<App>;
  readonly env?: NodeJS.ProcessEnv;
  /** What stdin holds. */
  readonly stdin?: string;
  /** Both streams are terminals of this size. */
  readonly tty?: { readonly columns: number; readonly rows: number };
  readonly interrupt?: AbortController;
  /** Takes what is to be called around a stop, while that is so. */
  readonly stops?: Set<StopHooks>;
  /** Successive answers of the monotonic clock; the last one repeats. */
  readonly clockMs?: readonly number[];
  /** The reader of stdout goes away after this many writes. */
  readonly closeStdoutAfter?: number;
}

/** Runs the command line in this process, with a stand-in for the app and captured output. */
export async function runInProcess(argv: readonly string[], options: CliRunOptions = {}): Promise<CliRun> {
  let stdout = '';
  let stderr = '';
  let writes = 0;
  let closed = 0;
  const opened: Parameters<CreateApp>[0][] = [];
  const ticks = [...(options.clockMs ?? [0])];
  const { columns, rows } = options.tty ?? { columns: 80, rows: 24 };
  const raw = Object.assign(
    new Writable({
      write: (chunk, _encoding, done) => {
        stderr += String(chunk);
        done();
      },
    }),
    { isTTY: options.tty !== undefined, columns, rows },
  );
  const facts = { isTty: options.tty !== undefined, columns, rows };
  const io: CliIo = {
    stdout: {
      isTty: facts.isTty,
      // Asked each time: a terminal may change its size.
      get columns() {
        return options.tty?.columns ?? columns;
      },
      get rows() {
        return options.tty?.rows ?? rows;
      },
      write: async (text) => {
        if (writes === options.closeStdoutAfter) throw new StdoutClosed('closed');
        writes += 1;
        stdout += text;
      },
    },
    stderr: {
      ...facts,
      raw,
      write: (text) => {
        stderr += text;
      },
    },
    stdin: () => Readable.from([options.stdin ?? '']),
    env: options.env ?? {},
    cwd: '/home/ada',
    aroundStops: (hooks) => {
      options.stops?.add(hooks);
      return () => options.stops?.delete(hooks);
    },
    signal: (options.interrupt ?? new AbortController()).signal,
    monotonicMs: () => (ticks.length > 1 ? (ticks.shift() as number) : (ticks[0] as number)),
    startedMs: 0,
    version: () => '1.2.3',
  };
  const createApp: CreateApp = async (request) => {
    opened.push(request);
    return standIn({ close: async () => void (closed += 1), ...options.app });
  };
  const code = await runCli(argv, { io, createApp });
  return { code, stdout, stderr, opened, closed };
}

const standIn = (methods: Partial<App>): App =>
  new Proxy(methods as App, {
    get: (target, name, receiver) => {
      if (name === 'then' || Reflect.has(target, name)) return Reflect.get(target, name, receiver) as unknown;
      return () => {
        throw new Error(`the command called app.${String(name)}, which this test did not expect`);
      };
    },
  });

/** An async iterable of these values. */
export async function* stream<T>(...values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}
