/**
 * Runs one outside command to its end: no shell, a deadline, a cap on output. What a command did is an answer, not an
 * exception; the caller knows what each ending means for it. Never throws for anything the command can do.
 */
import type { Readable } from 'node:stream';

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
  const { execa } = await import('execa');
  const {
    argv: [program, ...args],
    maxOutput = 64 * 1024 ** 2,
    whenMore = 'kill',
  } = request;
  if (program === undefined) throw new Error('an empty command');
  // A process group of its own: site wrappers fork, and a grandchild that survives would hold our pipes open.
  const child = execa(program, args, {
    reject: false,
    detached: true,
    ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
    input: request.input ?? '',
    extendEnv: false,
    env: withoutUndefined(request.env),
    stripFinalNewline: false,
    ...(whenMore === 'keep-end' ? { buffer: false } : { maxBuffer: maxOutput }),
  });
  const ends =
    whenMore === 'keep-end' ? { stdout: endOf(child.stdout, maxOutput), stderr: endOf(child.stderr, maxOutput) } : null;
  const end = endEarly(child, request);
  const result = await child;
  const early = end.settle();
  if (result.isMaxBuffer) signalGroup(child.pid, 'SIGKILL');
  const text = {
    stdout: ends?.stdout() ?? result.stdout ?? '',
    stderr: ends?.stderr() ?? result.stderr ?? '',
  };
  const nothing = { exitCode: null, signal: null };
  if (child.pid === undefined) {
    const detail = result.code ?? 'unknown reason';
    return { ended: detail === 'ENOENT' ? 'not-found' : 'not-started', ...nothing, ...text, detail };
  }
  if (early !== null) return { ended: early, ...nothing, ...text };
  if (result.isMaxBuffer) return { ended: 'too-much-output', ...nothing, ...text };
  return { ended: 'exited', exitCode: result.exitCode ?? null, signal: result.signal ?? null, ...text };
};

/** The last characters of a stream, as far as it was read. */
function endOf(stream: Readable | null, most: number): () => string {
  let end = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => {
    end = (end + chunk).slice(-most);
  });
  return () => end;
}

interface Endable {
  readonly pid?: number | undefined;
  readonly stdout: { destroy(): unknown } | null;
  readonly stderr: { destroy(): unknown; on(event: 'data', listener: (chunk: Buffer) => void): unknown } | null;
  once(event: 'exit', listener: () => void): unknown;
}

/** Ends the whole process group when the request says so, then lets go of its pipes whoever may still hold them. */
function endEarly(child: Endable, request: CommandRequest): { settle(): 'deadline' | 'stopped' | null } {
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
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-4096);
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
