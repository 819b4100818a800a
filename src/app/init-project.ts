/** `init`: copies a template directory. It never overwrites a file. */
import { constants, copyFile, mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { describeFailure, errnoOf } from '../backends/shared/fs-errno.ts';
import { AppError } from '../errors/app-error.ts';
import type { InitDocument } from './documents.ts';
import { packageFile } from './package-files.ts';

export interface Example {
  readonly name: string;
  readonly summary: string;
}

/** One entry of templates/index.json; `directory` is relative to templates/. */
interface TemplateEntry {
  readonly name: string;
  readonly directory: string;
  readonly description: string;
  readonly files: readonly string[];
}

const readIndex = async (): Promise<TemplateEntry[]> =>
  JSON.parse(await readFile(packageFile('templates/index.json'), 'utf8')) as TemplateEntry[];

/** Every template, the one for a start first. */
export async function listExamples(): Promise<Example[]> {
  return (await readIndex()).map(({ name, description }) => ({ name, summary: description }));
}

/** @throws USAGE for an unknown example, when a file is in the way (nothing is written then), or the directory cannot be written */
export async function initProject(request: {
  readonly example: string;
  readonly directory: string;
}): Promise<InitDocument> {
  const examples = await readIndex();
  const example = examples.find((one) => one.name === request.example);
  if (example === undefined)
    throw new AppError('USAGE', {
      message: `no example is called ${JSON.stringify(request.example)}`,
      hint: `Examples: ${examples.map((one) => one.name).join(', ')}`,
    });
  const target = resolve(request.directory);
  const { files } = example;
  const inTheWay: string[] = [];
  for (const file of files) if ((await stat(join(target, file)).catch(() => null)) !== null) inTheWay.push(file);
  if (inTheWay.length > 0)
    throw new AppError('USAGE', {
      message: `${inTheWay.join(', ')} ${inTheWay.length === 1 ? 'exists' : 'exist'} in ${target} already; nothing was written`,
      hint: 'Name another directory: slurmctl init DIRECTORY',
    });
  try {
    for (const file of files) {
      await mkdir(dirname(join(target, file)), { recursive: true });
      await copyFile(
        packageFile(join('templates', example.directory, file)),
        join(target, file),
        constants.COPYFILE_EXCL,
      );
    }
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    throw new AppError('USAGE', {
      message: `the files of the example cannot be written: ${describeFailure(error, target)}`,
      hint: 'Name a directory that you may write: slurmctl init DIRECTORY',
      cause: error,
    });
  }
  return { schema: 'slurmctl.init/1', example: example.name, directory: target, files };
}
