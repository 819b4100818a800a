/**
 * Runs one outside command to its end: no shell, a deadline, a cap on output. What a command did is an answer, not an
 * exception; the caller knows what each ending means for it. Never throws for anything the command can do.
 */
import { spawn, type ChildProcess } from 'node:child_process';

export interface CommandRequest {
  /** Program and arguments; looked up in `env.PATH`. */
  readonly argv: readonly string[];
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute working directory; absent: that of this process. */
  readonly cwd?: string;
  /** Text for standard input; absent: empty. */
  readonly input?: string;
  readonly deadlineMs: number;
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
   * `exited` by itself · `deadline`: we killed it, and what it had done by then is not known · `stopped` by `stopOn` or `signal`
   * and `too-much-output`: likewise · `not-found`: no such program · `not-started`: the system refused to start it (permissions, argument list too long).
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

export const runCommand: RunCommand = async (request) => {
  const { maxOutput = 64 * 1024 ** 2, whenMore = 'kill' } = request;
  const started = start(request);
  if ('refused' in started) return notRun(started.refused);
  const { child } = started;
  let tooMuch = false;
  const flood = (): void => {
    tooMuch = true;
    signalGroup(child.pid, 'SIGKILL');
  };
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) =>
    whenMore === 'keep-end' ? endOf(stream, maxOutput) : beginningOf(stream, maxOutput, flood),
  ) as [() => string, () => string];
  const end = endEarly(child, request);
  const outcome = await closed(child);
  const early = end.settle();
  if ('refused' in outcome) return notRun(outcome.refused);
  const text = { stdout: stdout(), stderr: stderr() };
  if (early !== null) return { ended: early, ...NOTHING, ...text };
  if (tooMuch) return { ended: 'too-much-output', ...NOTHING, ...text };
  return { ended: 'exited', ...outcome, ...text };
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
    const child = spawn(program, args, {
      detached: true,
      ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
      env: withoutUndefined(request.env),
      stdio: 'pipe',
    });
    // A command need not read what it is given.
    child.stdin.on('error', () => undefined);
    child.stdin.end(request.input ?? '');
    return { child };
  } catch (error) {
    // Some refusals, such as an argument list that is too long, are thrown, others are told as an event.
    return refusedBy(error);
  }
}

/** When it has ended and nobody holds its pipes any more. */
const closed = (child: ChildProcess): Promise<Pick<CommandResult, 'exitCode' | 'signal'> | Refused> =>
  new Promise((resolve) => {
    child.once('error', (error) => {
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

/** Ends the whole process group when the request says so, then lets go of its pipes whoever may still hold them. */
function endEarly(child: ChildProcess, request: CommandRequest): { settle(): 'deadline' | 'stopped' | null } {
  let early: 'deadline' | 'stopped' | null = null;
  let exited = false;
  let force: NodeJS.Timeout | undefined;
  child.once('exit', () => {
    exited = true;
  });
  const end = (why: 'deadline' | 'stopped') => {
    if (force !== undefined) return;
    // One that has exited by itself said all it had to say; only its children are in the way.
    if (!exited) early = why;
    signalGroup(child.pid, 'SIGTERM');
    force = setTimeout(() => {
      signalGroup(child.pid, 'SIGKILL');
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, FORCE_AFTER_MS);
  };
  const polite = setTimeout(() => end('deadline'), request.deadlineMs);
  const stop = () => end('stopped');
  request.signal?.addEventListener('abort', stop);
  if (request.signal?.aborted === true) stop();
  const { stopOn } = request;
  let said = '';
  if (stopOn !== undefined) {
    child.stderr?.on('data', (chunk: string) => {
      said = (said + chunk).slice(-4096);
      if (stopOn.test(said)) stop();
    });
  }
  return {
    settle() {
      clearTimeout(polite);
      clearTimeout(force);
      request.signal?.removeEventListener('abort', stop);
      return early;
    },
  };
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // ESRCH: the group is gone already, which is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function withoutUndefined(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
