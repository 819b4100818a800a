import { AppError, messageOf } from '../../errors/app-error.ts';

/** How much of the end of stderr an error quotes. */
const STDERR_TAIL_BYTES = 4096;

export interface CommandOptions {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The standard output of a command run without a shell, at the pace of the reader. Leaving early ends the command.
 * @throws INPUT_COMMAND_FAILED when it cannot be started, exits non-zero or dies of a signal
 */
export async function* commandBytes({ argv, cwd, signal }: CommandOptions): AsyncGenerator<Uint8Array> {
  const { execa } = await import('execa');
  signal?.throwIfAborted();
  const child = execa(argv[0] ?? '', argv.slice(1), {
    cwd,
    stdin: 'ignore',
    buffer: false,
    reject: false,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  let tail = Buffer.alloc(0);
  child.stderr.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-STDERR_TAIL_BYTES);
  });
  let finished = false;
  try {
    for await (const chunk of child.stdout) yield chunk as Uint8Array;
    finished = true;
  } catch (error) {
    signal?.throwIfAborted();
    throw commandFailed(argv, `its output cannot be read: ${messageOf(error)}`, tail.toString('utf8'));
  } finally {
    if (!finished) child.kill();
  }
  const result = await child;
  signal?.throwIfAborted();
  if (result.exitCode === 0) return;
  throw commandFailed(argv, outcomeOf(result), tail.toString('utf8'));
}

interface Outcome {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly code?: string | undefined;
  readonly cwd: string;
  readonly originalMessage?: string | undefined;
}

function outcomeOf(result: Outcome): string {
  if (result.code === 'ENOENT') return `no such program (or no directory ${result.cwd})`;
  if (result.code === 'EACCES') return 'it is not executable';
  if (result.signal !== undefined) return `it was killed by ${result.signal}`;
  if (result.exitCode !== undefined) return `it exited with ${result.exitCode}`;
  return `it could not be started: ${result.originalMessage ?? 'unknown reason'}`;
}

function commandFailed(argv: readonly string[], outcome: string, stderr: string): AppError {
  const lastLines = stderr.trimEnd().split('\n').slice(-20);
  const quoted =
    stderr.trim() === '' ? '' : `; the end of its stderr:\n${lastLines.map((line) => `  ${line}`).join('\n')}`;
  return new AppError('INPUT_COMMAND_FAILED', {
    message: `input.command ${JSON.stringify(argv)}: ${outcome}${quoted}`,
    details: { argv, stderr: lastLines.join('\n') },
  });
}
