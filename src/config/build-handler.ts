import { extname, resolve } from 'node:path';
import type { HandlerSpec, ResourceSpec } from '../domain/job-spec.ts';
import { formatDuration } from '../domain/units.ts';
import { dirOf, exactlyOne, programOf } from './build-input.ts';
import type { JobBuild } from './job-build.ts';
import { HANDLER_KINDS } from './job-keys.ts';

const MODULE_ENDINGS = ['.mjs', '.js', '.cjs'];
/** The program to run a script with, by its ending. */
const INTERPRETERS: Readonly<Record<string, string>> = {
  '.py': 'python3',
  '.sh': 'sh',
  '.r': 'Rscript',
  '.jl': 'julia',
  '.pl': 'perl',
};

/** The `handler` section; undefined when it has problems. */
export function buildHandler(build: JobBuild, resources: ResourceSpec): HandlerSpec | undefined {
  const { reader } = build;
  const module = reader.read('handler.module');
  const command = reader.read('handler.command');
  const common = { concurrency: reader.read('handler.concurrency'), timeoutMs: timeoutOf(build, resources.timeMs) };
  const kind = exactlyOne(build, 'handler', HANDLER_KINDS);
  if (kind === 'module' && module !== undefined) {
    const path = modulePath(build, module);
    return path === undefined ? undefined : { ...common, kind, path };
  }
  if (kind === 'command' && command !== undefined)
    return { ...common, kind, argv: programOf(build, 'handler.command', command) };
  return undefined;
}

function modulePath(build: JobBuild, module: string): string | undefined {
  const key = 'handler.module';
  const place = build.reader.placeOf(key);
  const path = resolve(dirOf(build, key), module);
  build.checks.push({ kind: 'readable-file', path, key, place });
  const ending = extname(path).toLowerCase();
  if (MODULE_ENDINGS.includes(ending)) return path;
  const interpreter = INTERPRETERS[ending];
  return build.reader
    .context(key)
    .problem(`found ${JSON.stringify(module)}, expected a JavaScript module (${MODULE_ENDINGS.join(', ')})`, {
      at: place,
      hint:
        interpreter === undefined
          ? 'Other programs go into handler.command'
          : `Use handler.command: [${interpreter}, ${module}]`,
    });
}

/** A try that outlives its array element would end as a lost worker instead of a timeout. */
function timeoutOf({ reader }: JobBuild, limitMs: number): number {
  const timeoutMs = reader.read('handler.timeout');
  if (timeoutMs <= limitMs) return timeoutMs;
  if (reader.find('handler.timeout') === undefined) return limitMs;
  const found = `found ${formatDuration(timeoutMs)}, expected at most resources.time (${formatDuration(limitMs)})`;
  reader
    .context('handler.timeout')
    .problem(found, { at: reader.placeOf('handler.timeout'), hint: 'Raise resources.time or lower this' });
  return limitMs;
}
