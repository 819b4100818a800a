/** `init`: copies a template directory. It never overwrites a file. */
import { copyFile, mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
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

/** @throws USAGE for an unknown example, or when a file is in the way (nothing is written then) */
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
  for (const file of files) {
    await mkdir(dirname(join(target, file)), { recursive: true });
    await copyFile(packageFile(join('templates', example.directory, file)), join(target, file));
  }
  return { schema: 'slurmctl.init/1', example: example.name, directory: target, files };
}
