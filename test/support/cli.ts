import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Cli {
  /** Runs the built command line to its end. */
  (...args: string[]): Promise<CliResult>;
  /** The same, parsed from `--json`; throws with everything printed when the exit code is not one of `codes`. */
  json<T>(args: readonly string[], codes?: readonly number[]): Promise<T>;
  /** Starts it and returns at once. */
  start(args: readonly string[], env?: NodeJS.ProcessEnv): ChildProcess;
  readonly cwd: string;
}

/** The real command line, in a directory, with an environment of its own. `project` names what was compiled: see `compiledProject`. */
export function createCli(cwd: string, env: NodeJS.ProcessEnv = {}, project = PROJECT): Cli {
  const bin = join(project, 'bin/slurmctl.js');
  const full = { ...process.env, NO_COLOR: '1', XDG_CACHE_HOME: join(cwd, '.cache'), ...env };
  const run = (...args: string[]): Promise<CliResult> =>
    new Promise((resolve) => {
      execFile(process.execPath, [bin, ...args], { cwd, env: full, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
        const failure = error as (Error & { code?: number; signal?: NodeJS.Signals }) | null;
        resolve({
          code: failure === null ? 0 : (failure.code ?? null),
          signal: failure?.signal ?? null,
          stdout,
          stderr,
        });
      });
    });
  return Object.assign(run, {
    cwd,
    async json<T>(args: readonly string[], codes: readonly number[] = [0]): Promise<T> {
      const result = await run(...args, '--json');
      if (!codes.includes(result.code ?? -1))
        throw new Error(
          `slurmctl ${args.join(' ')} ended with ${result.code ?? result.signal}\n${result.stdout}\n${result.stderr}`,
        );
      return JSON.parse(result.stdout) as T;
    },
    start: (args: readonly string[], extra: NodeJS.ProcessEnv = {}) =>
      spawn(process.execPath, [bin, ...args], { cwd, env: { ...full, ...extra }, stdio: 'ignore' }),
  });
}

/** Writes files below a directory, making their parents; returns the directory. */
export function writeFiles(directory: string, files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

/** `count` JSON lines `{"n": 0}` … */
export const numberLines = (count: number): string =>
  Array.from({ length: count }, (_, n) => `${JSON.stringify({ n })}\n`).join('');

/** Doubles `n`, and notes each call in the file named by the environment variable CALLS, one line an item. */
export const DOUBLING_HANDLER = `
import { appendFileSync } from 'node:fs';
export default async function handler({ n }, ctx) {
  if (process.env.CALLS) appendFileSync(process.env.CALLS, n + '\\n');
  if (process.env.ITEM_MS) await new Promise((done) => setTimeout(done, Number(process.env.ITEM_MS)));
  return { doubled: n * 2 };
}
`;
