/** Loads the user's handler in a process of its own: its import may print, hang or leave things open. */
import { spawn } from 'node:child_process';
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
  const { verdict, why, ...end } = await ask([ENTRY, JSON.stringify({ spec, baseDir })], {
    cwd: baseDir,
    deadlineMs,
    signal,
  });
  if (verdict?.ok === true) return;
  const name = spec.kind === 'module' ? spec.path : spec.argv[0];
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

/** Runs Node and listens to the first thing it says. Node's own child processes: a library for them takes longer to load than this. */
function ask(argv: readonly string[], { cwd, deadlineMs, signal }: Asking): Promise<Asked> {
  const child = spawn(process.execPath, argv, { cwd, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
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
  child.once('message', (message) => {
    verdict = message as unknown as HandlerVerdict;
  });
  return new Promise<Asked>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, ended) => resolve({ verdict, why, exitCode, signal: ended }));
  }).finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  });
}
