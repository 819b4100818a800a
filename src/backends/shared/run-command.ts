/**
 * Runs one outside command to its end: no shell, a deadline, a cap on output. What a command did is an answer, not an
 * exception; the caller knows what each ending means for it. Never throws for anything the command can do.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { signalGroup } from './signal-group.ts';

export interface CommandRequest {
  /** Program and arguments; looked up in `env.PATH`. */
  readonly argv: readonly string[];
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute working directory; absent: that of this process. */
  readonly cwd?: string;
  /** Text for standard input; absent: empty. */
  readonly input?: string;
  /** Kill it after so long; absent: `signal` alone says when. */
  readonly deadlineMs?: number;
  /** Most characters of stdout, and of stderr; default 64 Mi. */
  readonly maxOutput?: number;
  /** What becomes of a command that prints more than `maxOutput`: it is killed (the default), or goes on and its last words are kept. */
  readonly whenMore?: 'kill' | 'keep-end';
  /** Kill it as soon as its stderr says this. */
  readonly stopOn?: RegExp;
  /** Kill it when this fires. */
  readonly signal?: AbortSignal;
}

export interface CommandResult {
  /**
   * `exited` by itself · `deadline`: we killed it, or nobody waits for it any longer, and what it had done by then is not known ·
   * `stopped` by `stopOn` or `signal` and `too-much-output`: likewise · `not-found`: no such program · `not-started`: the system refused to start it (permissions, argument list too long).
   */
  readonly ended: 'exited' | 'deadline' | 'stopped' | 'too-much-output' | 'not-found' | 'not-started';
  /** Null when a signal ended it, or it never ran. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** For `not-started`: the system's reason, e.g. `EACCES`. */
  readonly detail?: string;
}

export type RunCommand = (request: CommandRequest) => Promise<CommandResult>;

/** Between the polite signal and SIGKILL. */
const FORCE_AFTER_MS = 500;
/** Between SIGKILL and letting go of what it does not end: programs of another user, as under `sudo`, and those that hang in a dead file system. */
const LET_GO_AFTER_MS = 300;

export const runCommand: RunCommand = async (request) => {
  const { maxOutput = 64 * 1024 ** 2, whenMore = 'kill' } = request;
  const started = start(request);
  if ('refused' in started) return notRun(started.refused);
  const { child } = started;
  const outcome = closed(child);
  const end = endEarly(child, request);
  const flood = (): void => end.now('too-much-output', 'SIGKILL');
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) =>
    whenMore === 'keep-end' ? endOf(stream, maxOutput) : beginningOf(stream, maxOutput, flood),
  ) as [() => string, () => string];
  const ended = await Promise.race([outcome, end.letGo]);
  const early = end.settle();
  if (ended !== null && 'refused' in ended) return notRun(ended.refused);
  const text = { stdout: stdout(), stderr: stderr() };
  if (early !== null || ended === null) return { ended: early ?? 'deadline', ...NOTHING, ...text };
  return { ended: 'exited', ...ended, ...text };
};

const NOTHING = { exitCode: null, signal: null };

const notRun = (code: string): CommandResult => ({
  ended: code === 'ENOENT' ? 'not-found' : 'not-started',
  ...NOTHING,
  stdout: '',
  stderr: '',
  detail: code,
});

interface Refused {
  /** The system's reason. */
  readonly refused: string;
}

const refusedBy = (error: unknown): Refused => ({
  refused: (error as NodeJS.ErrnoException).code ?? 'unknown reason',
});

function start(request: CommandRequest): { readonly child: ChildProcess } | Refused {
  const [program, ...args] = request.argv;
  if (program === undefined) throw new Error('an empty command');
  try {
    // A process group of its own: site wrappers fork, and a grandchild that survives would hold our pipes open.
    const child: ChildProcess = spawn(program, args, {
      detached: true,
      ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
      env: withoutUndefined(request.env),
      stdio: 'pipe',
    });
    // A command need not read what it is given, and a pipe that fails is one that has ended. There are no pipes where the system has none left.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.on('error', () => undefined);
    child.stdin?.end(request.input ?? '');
    return { child };
  } catch (error) {
    // Some refusals, such as an argument list that is too long, are thrown, others are told as an event.
    return refusedBy(error);
  }
}

/** When it has ended and nobody holds its pipes any more. */
const closed = (child: ChildProcess): Promise<Pick<CommandResult, 'exitCode' | 'signal'> | Refused> =>
  new Promise((resolve) => {
    child.on('error', (error) => {
      if (child.pid === undefined) resolve(refusedBy(error));
    });
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal }));
  });

/** The first characters of a stream; `more` is called when there are others. */
function beginningOf(stream: ChildProcess['stdout'], most: number, more: () => void): () => string {
  const parts: string[] = [];
  let left = most;
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => {
    if (left > 0) parts.push(chunk.slice(0, left));
    left -= chunk.length;
    if (left < 0) more();
  });
  return () => parts.join('');
}

/** The last characters of a stream, as far as it was read. */
function endOf(stream: ChildProcess['stdout'], most: number): () => string {
  let end = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => {
    end = (end + chunk).slice(-most);
  });
  return () => end;
}

type Early = 'deadline' | 'stopped' | 'too-much-output';

interface Ending {
  /** Ends the command; the first reason counts. */
  now(why: Early, signal: NodeJS.Signals): void;
  /** When it was to end, and did not. */
  readonly letGo: Promise<null>;
  settle(): Early | null;
}

/** Ends the whole process group when the request says so, then lets go of it and of its pipes, whoever may still hold them. */
function endEarly(child: ChildProcess, request: CommandRequest): Ending {
  let early: Early | null = null;
  let exited = false;
  let next: NodeJS.Timeout | undefined;
  let giveUp: () => void = () => undefined;
  const letGo = new Promise<null>((resolve) => {
    giveUp = () => resolve(null);
  });
  child.once('exit', () => {
    exited = true;
  });
  const now: Ending['now'] = (why, signal) => {
    if (next !== undefined) return;
    // One that has exited by itself said all it had to say; only its children are in the way.
    if (!exited || why === 'too-much-output') early = why;
    signalGroup(child.pid, signal);
    next = setTimeout(() => {
      signalGroup(child.pid, 'SIGKILL');
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
      next = setTimeout(() => {
        child.unref();
        giveUp();
      }, LET_GO_AFTER_MS);
    }, FORCE_AFTER_MS);
  };
  const { deadlineMs, stopOn } = request;
  const polite = deadlineMs === undefined ? undefined : setTimeout(() => now('deadline', 'SIGTERM'), deadlineMs);
  const stop = () => now('stopped', 'SIGTERM');
  request.signal?.addEventListener('abort', stop);
  if (request.signal?.aborted === true) stop();
  if (stopOn !== undefined) listenFor(stopOn, child.stderr, stop);
  return {
    now,
    letGo,
    settle() {
      clearTimeout(polite);
      clearTimeout(next);
      request.signal?.removeEventListener('abort', stop);
      return early;
    },
  };
}

function listenFor(words: RegExp, stream: ChildProcess['stderr'], heard: () => void): void {
  let said = '';
  stream?.on('data', (chunk: string) => {
    said = (said + chunk).slice(-4096);
    if (words.test(said)) heard();
  });
}

function withoutUndefined(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
