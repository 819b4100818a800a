import { execFile } from 'node:child_process';
import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ErrorCode } from '../../src/errors/catalogue.ts';
import { type Cli, type CliResult, createCli, writeFiles } from './cli.ts';
import { compiledProject } from './compiled.ts';
import { withQuietDir } from './live-processes.ts';

/** A small job that would succeed; tests spoil one thing of it. */
export const GOOD_JOB = `name: doubles
input: {file: in.jsonl, id: n}
batch: {items: 1}
handler: {module: ./handler.mjs}
resources: {cpus: 1, memory: 256M, time: 5m}
output: {columns: {doubled: int}}
`;

export const GOOD_FILES: Readonly<Record<string, string>> = {
  'job.yaml': GOOD_JOB,
  'handler.mjs': 'export default ({ n }) => ({ doubled: n * 2 });\n',
  'in.jsonl': '{"n":1}\n{"n":2}\n',
};

export interface Room {
  readonly directory: string;
  readonly cli: Cli;
  /** The same directory with another environment. */
  readonly cliWith: (env: NodeJS.ProcessEnv) => Cli;
}

/** Runs `fn` in a directory with a good job, whose files `files` replaces or adds to. */
export async function withRoom(
  files: Readonly<Record<string, string>>,
  fn: (room: Room) => Promise<void>,
): Promise<void> {
  const project = await compiledProject();
  await withQuietDir(async (directory) => {
    writeFiles(directory, { ...GOOD_FILES, ...files });
    const cliWith = (env: NodeJS.ProcessEnv): Cli =>
      createCli(directory, { SLURMCTL_SCHEDULER: 'local', ...env }, project);
    await fn({ directory, cli: cliWith({}), cliWith });
  });
}

const NOBODY = 65_534;
/** False where these tests run without privileges; then nothing needs to be given up. */
export const isRoot = process.geteuid?.() === 0;

/** Runs the command line as a user to whom files can be closed. */
export async function runAsOrdinaryUser({ directory }: Room, ...args: string[]): Promise<CliResult> {
  const bin = join(await compiledProject(), 'bin/slurmctl.js');
  const env = { ...process.env, NO_COLOR: '1', SLURMCTL_SCHEDULER: 'local', HOME: directory };
  const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, ...args], { cwd: directory, env, ...user }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ code, signal: error?.signal ?? null, stdout, stderr });
    });
  });
}

/** Opens a private temporary directory to `runAsOrdinaryUser`. */
export const openDirectory = (path: string): void => chmodSync(path, 0o777);

export interface Refusal {
  readonly exit: number;
  readonly code: ErrorCode;
  /** Parts of what a person reads, as they stand there. */
  readonly says: readonly (string | RegExp)[];
}

/** One clear message: the code once, a remedy, the given words; nothing on stdout, no stack, no talk of bugs. */
export function expectRefusal(result: CliResult, { exit, code, says }: Refusal): void {
  const { stderr } = result;
  expect({ exit: result.code, stdout: result.stdout }, stderr).toEqual({ exit, stdout: '' });
  expect(stderr.match(/^error: /gm), stderr).toHaveLength(1);
  expect(stderr).toMatch(new RegExp(`^error: .*\\[${code}\\]$`, 'm'));
  expect(stderr).toMatch(/^hint: \S/m);
  expect(stderr).not.toMatch(/^\s+at .+:\d+|node:internal|\bundefined\b|\[object /m);
  for (const part of says) expect(stderr).toMatch(typeof part === 'string' ? new RegExp(escape(part)) : part);
}

const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** Every file below a directory; none when it does not exist. */
export const filesIn = (directory: string): string[] =>
  existsSync(directory)
    ? readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name))
    : [];

/** Not a file in the home, and no job in the list. */
export async function expectNothingWritten({ directory, cli }: Room): Promise<void> {
  expect(filesIn(join(directory, '.slurmctl'))).toEqual([]);
  expect((await cli.json<{ jobs: unknown[] }>(['list', '--all'])).jobs).toEqual([]);
}
