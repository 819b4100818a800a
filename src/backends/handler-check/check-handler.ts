/** Loads the user's handler in a process of its own: its import may print, hang or leave things open. */
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
  const { execa } = await import('execa');
  const result = await execa(process.execPath, [ENTRY, JSON.stringify({ spec, baseDir })], {
    cwd: baseDir,
    reject: false,
    timeout: deadlineMs,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    ipc: true,
    buffer: { ipc: true, stderr: true },
  });
  const verdict = result.ipcOutput?.[0] as HandlerVerdict | undefined;
  if (verdict?.ok === true) return;
  const name = spec.kind === 'module' ? spec.path : spec.argv[0];
  if (result.isCanceled) throw new AppError('INTERRUPTED', { message: `interrupted while ${name} was loading` });
  if (result.timedOut)
    throw new AppError('HANDLER_NOT_LOADABLE', {
      message: `${name} did not finish loading within ${deadlineMs / 1_000} s`,
      hint: 'Its import waits for something, or does the work of the handler; load slow things inside the handler, at its first call',
    });
  if (verdict === undefined && result.exitCode === UNSETTLED_AWAIT)
    throw new AppError('HANDLER_NOT_LOADABLE', {
      message: `${name} never finishes loading: a top-level await waits for something that cannot happen`,
    });
  throw new AppError('HANDLER_NOT_LOADABLE', {
    message:
      verdict?.message ?? `${name} ended the process while loading (exit ${result.exitCode ?? result.signal ?? '?'})`,
    ...(verdict?.hint === undefined ? {} : { hint: verdict.hint }),
  });
}
