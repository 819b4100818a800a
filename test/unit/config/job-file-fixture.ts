import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { loadJobFile, type JobFileOptions, type LoadedJobFile } from '../../../src/config/job-file.ts';
import { AppError, type Problem } from '../../../src/errors/app-error.ts';

/** The two parts every job file needs; `problemsOf` writes the files they name. */
export const MINIMAL = 'input: {file: in.jsonl}\nhandler: {module: h.mjs}\n';

/** Writes files below a directory, creating directories as needed. */
export async function writeFiles(dir: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), content);
  }
}

/** Loads `yaml` as job.yaml in a directory that also has in.jsonl and h.mjs. */
export async function load(dir: string, yaml: string, options: JobFileOptions = {}): Promise<LoadedJobFile> {
  await writeFiles(dir, { 'in.jsonl': '{}\n', 'h.mjs': 'export default () => 1;\n', 'job.yaml': yaml });
  return loadJobFile(join(dir, 'job.yaml'), { cwd: dir, ...options });
}

/** The error of a load that must fail. */
export async function errorOf(promise: Promise<unknown>): Promise<AppError> {
  const outcome = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (outcome instanceof AppError) return outcome;
  throw outcome ?? new Error('expected an AppError, but nothing was thrown');
}

/** `line:column message · hint` of every problem, in order. */
export const lines = (problems: readonly Problem[]): string[] =>
  problems.map(({ place, message, hint }) => {
    const where = place?.line === undefined ? (place?.file ?? '?') : `${place.line}:${place.column}`;
    return `${where} ${message}${hint === undefined ? '' : ` · ${hint}`}`;
  });

export async function problemsOf(dir: string, yaml: string, options: JobFileOptions = {}): Promise<string[]> {
  const error = await errorOf(load(dir, yaml, options));
  if (error.code !== 'CONFIG_INVALID') throw error;
  return lines(error.problems);
}
