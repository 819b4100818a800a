import { spawn, type ChildProcess } from 'node:child_process';
import { signalGroup } from '../shared/signal-group.ts';

export interface ProcessRequest {
  /** Absolute path. */
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly input: string;
  /** Aborted: the process group is ended, politely first. */
  readonly signal: AbortSignal;
  /** Told of stderr as it comes. */
  readonly onStderr?: (chunk: Uint8Array) => void;
}

export type Ended = { readonly stderr: string } & (
  | { readonly kind: 'exit'; readonly exitCode: number; readonly stdout: Uint8Array | 'too-long' }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'not-started'; readonly reason: string }
);

/** A longer output belongs into a file whose path is the output. */
export const MAX_STDOUT_BYTES = 256 * 1024 ** 2;
const STDERR_TAIL_BYTES = 16 * 1024;
/** Between SIGTERM and SIGKILL. */
const FORCE_AFTER_MS = 2_000;
/** A grandchild that outlives the program may hold its pipes; what it writes later is not the program's output. */
const DRAIN_PIPES_MS = 1_000;

/**
 * Runs one program to its end in a process group of its own, so that ending it also ends what it started. Plain spawn and not execa: the end of
 * stderr must be kept in bounded memory, the whole group signalled, and this runs once an item.
 */
export function runProcess(request: ProcessRequest): Promise<Ended> {
  return new Promise((resolve) => {
    let child: ChildProcess;
    try {
      child = spawn(request.program, [...request.args], {
        cwd: request.cwd,
        env: { ...request.env },
        detached: true,
        stdio: ['pipe', 'pipe', 'pipe'],
      });
    } catch (error) {
      return resolve({ kind: 'not-started', reason: codeOf(error), stderr: '' });
    }
    const stdout = collectAll(child, MAX_STDOUT_BYTES);
    const stderr = collectTail(child, STDERR_TAIL_BYTES);
    const { onStderr } = request;
    if (onStderr !== undefined) child.stderr?.on('data', onStderr);
    const stopKilling = killOnAbort(child, request.signal);
    let pipes: NodeJS.Timeout | undefined;
    child.once('error', (error) => {
      // A failed start; a failed kill has no other answer either, and then `close` comes.
      if (child.pid !== undefined) return;
      stopKilling();
      resolve({ kind: 'not-started', reason: codeOf(error), stderr: '' });
    });
    child.once('exit', () => {
      stopKilling();
      pipes = setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, DRAIN_PIPES_MS);
    });
    child.once('close', (exitCode, signal) => {
      clearTimeout(pipes);
      if (child.pid === undefined) return;
      const text = stderr();
      if (exitCode === null) resolve({ kind: 'signal', signal: signal ?? 'an unknown signal', stderr: text });
      else resolve({ kind: 'exit', exitCode, stdout: stdout(), stderr: text });
    });
    // A program that does not read its stdin closes the pipe (EPIPE), which is its right.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(request.input);
  });
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

function collectAll(child: ChildProcess, most: number): () => Uint8Array | 'too-long' {
  const chunks: Buffer[] = [];
  let bytes = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= most) chunks.push(chunk);
    else chunks.length = 0;
  });
  return () => (bytes > most ? 'too-long' : Buffer.concat(chunks));
}

function collectTail(child: ChildProcess, most: number): () => string {
  let tail: Buffer = Buffer.alloc(0);
  let cut = false;
  child.stderr?.on('data', (chunk: Buffer) => {
    const both = Buffer.concat([tail, chunk]);
    cut ||= both.length > most;
    // A copy, because a view would keep every chunk alive.
    tail = Buffer.from(both.subarray(Math.max(0, both.length - most)));
  });
  return () => {
    const text = tail.toString('utf8');
    // The first line is half of one, and may be half of a secret.
    return cut ? `…${text.slice(text.indexOf('\n') + 1)}` : text;
  };
}

/** Ends the process group when the signal is aborted. Returns the way to stop watching. */
function killOnAbort(child: ChildProcess, signal: AbortSignal): () => void {
  let force: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    signalGroup(child.pid, 'SIGTERM');
    force = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), FORCE_AFTER_MS);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return () => {
    clearTimeout(force);
    signal.removeEventListener('abort', onAbort);
    // Its children may have ignored SIGTERM.
    if (signal.aborted) signalGroup(child.pid, 'SIGKILL');
  };
}
