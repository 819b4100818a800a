import { basename, dirname, extname, resolve } from 'node:path';
import type { JobSpec } from '../domain/job-spec.ts';
import type { Problem } from '../errors/app-error.ts';
import type { JobBuild } from './job-build.ts';
import { inOrder, invalidConfig } from './invalid-config.ts';
import { checkPaths } from './path-check.ts';
import { readConfigText } from './read-text.ts';

export interface JobFileOptions {
  /** Values by dotted key that win over the file: `--set batch.items=100`. Relative paths in them start at `cwd`. */
  readonly overrides?: Readonly<Record<string, string>>;
  /** Where relative paths in flags start; default the working directory of the process. */
  readonly cwd?: string;
  /** Environment whose PATH is searched for programs; default that of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface LoadedJobFile {
  readonly spec: JobSpec;
  /** The file as it was read. */
  readonly text: string;
  /** Things that are allowed and probably not meant. */
  readonly warnings: readonly Problem[];
}

/**
 * Reads and checks a job file: YAML, keys, values, combinations, and the paths it names. Does not load the handler.
 * @param path absolute, or relative to the working directory
 * @throws CONFIG_INVALID with every problem and its line and column; CONFIG_NOT_FOUND when there is no readable file
 */
export async function loadJobFile(path: string, options: JobFileOptions = {}): Promise<LoadedJobFile> {
  const { overrides = {}, env = process.env } = options;
  const cwd = options.cwd ?? process.cwd();
  const file = resolve(cwd, path);
  const baseDir = dirname(file);
  const text = await readConfigText(file);
  // The YAML parser is only loaded by the commands that read configuration.
  const [{ readYaml }, { withOverrides }, { createReader }, { JOB_KEYS, JOB_STRANGERS }, { buildSpec, unlikely }] =
    await Promise.all([
      import('./read-yaml.ts'),
      import('./overrides.ts'),
      import('./reader.ts'),
      import('./job-keys.ts'),
      import('./build-spec.ts'),
    ]);
  const yaml = readYaml({ text, name: file, dir: baseDir });
  if (yaml.problems.length > 0) throw invalidConfig(file, yaml.problems);
  const start = { file, line: 1, column: 1 };
  const problems: Problem[] = [];
  if (yaml.root === null)
    problems.push({ place: start, message: 'found an empty file, expected at least input and handler' });
  const root = withOverrides(yaml.root, { values: overrides, cwd, problems });
  const build: JobBuild = {
    reader: createReader({ root, table: JOB_KEYS, start, strangers: JOB_STRANGERS, problems }),
    baseDir,
    checks: [],
  };
  const spec =
    yaml.root === null && root === null ? undefined : buildSpec(build, basename(file, extname(file)) || 'job');
  problems.push(...(await checkPaths(build.checks, env['PATH'] ?? '')));
  if (problems.length > 0) throw invalidConfig(file, problems);
  if (spec === undefined) throw new Error(`${file} was refused without a problem`);
  const warnings = unlikely(spec).map(({ key, message }) => ({
    place: build.reader.placeOf(key),
    message: `${key}: ${message}`,
  }));
  return { spec, text, warnings: inOrder([...yaml.warnings, ...warnings]) };
}
