/** Loads the user's handler in a process of its own: its import may print, hang or leave things open. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../errors/app-error.ts';
import type { HandlerSpec } from '../../domain/job-spec.ts';

const DEADLINE_MS = 60_000;
const ENTRY = fileURLToPath(new URL('main.js', import.meta.url));

export interface HandlerVerdict {
  readonly ok: boolean;
  readonly message?: string;
  readonly hint?: string;
}

/** What Node exits with when nothing is left to do and a top-level await still waits. */
const UNSETTLED_AWAIT = 13;

/** @throws HANDLER_NOT_LOADABLE with the place in the user's file, INTERRUPTED */
export async function checkHandler(
  spec: HandlerSpec,
  baseDir: string,
  { deadlineMs = DEADLINE_MS, signal }: { readonly deadlineMs?: number; readonly signal?: AbortSignal } = {},
): Promise<void> {
  const name = spec.kind === 'module' ? spec.path : spec.argv[0];
  const asked = await ask([ENTRY, JSON.stringify({ spec, baseDir })], { cwd: baseDir, deadlineMs, signal });
  if ('refused' in asked) throw notStarted(String(name), baseDir, asked.refused);
  const { verdict, why, ...end } = asked;
  if (verdict?.ok === true) return;
  if (why === 'interrupted') throw new AppError('INTERRUPTED', { message: `interrupted while ${name} was loading` });
  if (why === 'deadline')
    throw new AppError('HANDLER_NOT_LOADABLE', {
      message: `${name} did not finish loading within ${deadlineMs / 1_000} s`,
      hint: 'Its import waits for something, or does the work of the handler; load slow things inside the handler, at its first call',
    });
  if (verdict === undefined && end.exitCode === UNSETTLED_AWAIT)
    throw new AppError('HANDLER_NOT_LOADABLE', {
      message: `${name} never finishes loading: a top-level await waits for something that cannot happen`,
    });
  throw new AppError('HANDLER_NOT_LOADABLE', {
    message: verdict?.message ?? `${name} ended the process while loading (exit ${end.exitCode ?? end.signal ?? '?'})`,
    ...(verdict?.hint === undefined ? {} : { hint: verdict.hint }),
  });
}

/** What to do about the system's refusal to start a process. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: 'See that the directory of the job file is still there, and that the Node that runs this is',
  EACCES: 'See that you may enter the directory of the job file',
  E2BIG:
    'The handler section of the job file is too long to be handed to a process: shorten it, e.g. by a file of its own',
};
const SHORT_OF =
  'This host has no process, file or memory left for you: end other programs of yours, or see ulimit -u and ulimit -n; then try again';

const notStarted = (name: string, baseDir: string, error: NodeJS.ErrnoException): AppError =>
  new AppError('HANDLER_NOT_LOADABLE', {
    message: `${name} was not looked at: no process can be started in ${baseDir}: ${error.code ?? error.message}`,
    hint: REMEDIES[error.code ?? ''] ?? SHORT_OF,
    cause: error,
  });

interface Asking {
  readonly cwd: string;
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
}

interface Asked {
  /** What the process said; undefined when it did not come to that. */
  readonly verdict: HandlerVerdict | undefined;
  /** Why it was killed, if it was. */
  readonly why: 'deadline' | 'interrupted' | undefined;
  readonly exitCode: number | null;
  readonly signal: string | null;
}

interface Refused {
  readonly refused: NodeJS.ErrnoException;
}

/** Runs Node and listens for its verdict. Node's own child processes: a library for them takes longer to load than this. */
async function ask(argv: readonly string[], { cwd, deadlineMs, signal }: Asking): Promise<Asked | Refused> {
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, argv, { cwd, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  } catch (error) {
    // Some refusals are thrown, others are told as an event.
    return { refused: error as NodeJS.ErrnoException };
  }
  let verdict: HandlerVerdict | undefined;
  let why: Asked['why'];
  const end = (reason: NonNullable<Asked['why']>): void => {
    why ??= reason;
    child.kill('SIGKILL');
  };
  const timer = setTimeout(() => end('deadline'), deadlineMs);
  const stop = (): void => end('interrupted');
  signal?.addEventListener('abort', stop);
  if (signal?.aborted === true) stop();
  child.on('message', (message) => {
    if (verdict === undefined && isVerdict(message)) verdict = message;
  });
  return new Promise<Asked | Refused>((resolve) => {
    child.on('error', (error) => {
      if (child.pid === undefined) resolve({ refused: error });
    });
    child.once('close', (exitCode, ended) => resolve({ verdict, why, exitCode, signal: ended }));
  }).finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  });
}

/** A handler may send words of its own. */
const isVerdict = (message: unknown): message is HandlerVerdict =>
  typeof message === 'object' && message !== null && 'ok' in message && typeof message.ok === 'boolean';
