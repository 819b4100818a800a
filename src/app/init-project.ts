/** `init`: copies a template directory. It never overwrites a file. */
import { copyFile, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import type { InitDocument } from './documents.ts';
import { packageFile } from './package-files.ts';

export interface Example {
  readonly name: string;
  readonly summary: string;
}

interface FoundExample extends Example {
  readonly directory: string;
}

const PLACES = ['templates/init', 'templates/examples'];

/** Every template, with the first comment line of its job file as its summary. */
export async function listExamples(): Promise<FoundExample[]> {
  const found: FoundExample[] = [];
  for (const place of PLACES)
    for (const name of (await readdir(packageFile(place))).toSorted()) {
      const directory = join(packageFile(place), name);
      const first = (await readFile(join(directory, 'job.yaml'), 'utf8')).split('\n', 1)[0] ?? '';
      found.push({ name, summary: first.replace(/^#\s*/, ''), directory });
    }
  return found;
}

/** @throws USAGE for an unknown example, or when a file is in the way (nothing is written then) */
export async function initProject(request: {
  readonly example: string;
  readonly directory: string;
}): Promise<InitDocument> {
  const examples = await listExamples();
  const example = examples.find((one) => one.name === request.example);
  if (example === undefined)
    throw new AppError('USAGE', {
      message: `no example is called ${JSON.stringify(request.example)}`,
      hint: `Examples: ${examples.map((one) => one.name).join(', ')}`,
    });
  const target = resolve(request.directory);
  const files = await filesUnder(example.directory);
  const inTheWay: string[] = [];
  for (const file of files) if ((await stat(join(target, file)).catch(() => null)) !== null) inTheWay.push(file);
  if (inTheWay.length > 0)
    throw new AppError('USAGE', {
      message: `${inTheWay.join(', ')} ${inTheWay.length === 1 ? 'exists' : 'exist'} in ${target} already; nothing was written`,
      hint: 'Name another directory: slurmctl init DIRECTORY',
    });
  for (const file of files) {
    await mkdir(dirname(join(target, file)), { recursive: true });
    await copyFile(join(example.directory, file), join(target, file));
  }
  return { schema: 'slurmctl.init/1', example: example.name, directory: target, files };
}

async function filesUnder(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .toSorted();
}
