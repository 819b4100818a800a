import { isAbsolute, resolve, sep } from 'node:path';
import type { Compression, FileFormat, InputSpec } from '../domain/job-spec.ts';
import { inputFormatOf } from './input-format.ts';
import { INPUT_SOURCES } from './job-keys.ts';
import type { JobBuild } from './job-build.ts';
import type { LocatedEntry } from './located.ts';

type FormatWord = FileFormat | undefined;

/** The `input` section; undefined when it has problems (which are gathered, as are the paths to look at). */
export function buildInput(build: JobBuild): InputSpec | undefined {
  const { reader } = build;
  const file = reader.read('input.file');
  const pattern = reader.read('input.files');
  const base = reader.read('input.base');
  const axes = reader.read('input.grid');
  const command = reader.read('input.command');
  const format = reader.read('input.format');
  const id = reader.read('input.id');
  const common = { onBadRecord: reader.read('input.onBadRecord'), ...(id === undefined ? {} : { id }) };

  const source = exactlyOne(build, 'input', INPUT_SOURCES);
  if (source === null) return undefined;
  if (source !== 'files') refuseKey(build, 'input.base', 'input.files');
  switch (source) {
    case 'file': {
      const found = file === undefined ? undefined : buildFile(build, file, format);
      return found && { ...common, kind: 'file', ...found };
    }
    case 'files': {
      refuseKey(build, 'input.format', 'input.file or input.command');
      const known = id === undefined || id === 'path' || id === 'bytes';
      if (!known)
        problemAt(build, 'input.id', `found "${id}", but the items of input.files have the fields path and bytes`);
      return pattern === undefined ? undefined : { ...common, kind: 'files', ...buildPattern(build, pattern, base) };
    }
    case 'grid': {
      refuseKey(build, 'input.format', 'input.file or input.command');
      if (axes === undefined) return undefined;
      if (id !== undefined && !Object.hasOwn(axes, id))
        problemAt(build, 'input.id', `found "${id}", but the axes of input.grid are ${Object.keys(axes).join(', ')}`);
      return { ...common, kind: 'grid', axes };
    }
    case 'command': {
      const kind = format ?? 'txt';
      if (kind !== 'txt' && kind !== 'jsonl')
        return problemAt(build, 'input.format', `found ${kind}, expected txt or jsonl for the lines of a command`);
      if (command === undefined) return undefined;
      return {
        ...common,
        kind: 'command',
        argv: programOf(build, 'input.command', command),
        cwd: build.baseDir,
        format: kind,
      };
    }
  }
}

function problemAt(build: JobBuild, key: string, message: string): undefined {
  return build.reader.context(key).problem(message, { at: build.reader.placeOf(key) });
}

function refuseKey({ reader }: JobBuild, key: string, owner: string): void {
  const entry = reader.find(key);
  if (entry !== undefined)
    reader.context(key).problem(`found a key that only goes with ${owner}`, { at: entry.keyPlace, hint: 'Remove it' });
}

interface FoundFile {
  readonly path: string;
  readonly format: FileFormat;
  readonly compression: Compression;
}

function buildFile(build: JobBuild, path: string, format: FormatWord): FoundFile | undefined {
  const key = 'input.file';
  const place = build.reader.placeOf(key);
  const context = build.reader.context(key);
  if (path === '-')
    return context.problem('found "-" (standard input), expected a file: an item may be read again later', {
      at: place,
      hint: 'Save the records to a file, or use input.command',
    });
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path))
    return context.problem(
      `found a ${path.split('://', 1)[0]}:// address, expected a file: this version reads inputs from directories only`,
      {
        at: place,
        hint: 'Copy the input to a directory the cluster can read',
      },
    );
  const absolute = resolve(dirOf(build, key), path);
  build.checks.push({ kind: 'readable-file', path: absolute, key, place });
  const known = inputFormatOf(path, format);
  return 'problem' in known
    ? context.problem(known.problem, { at: place, hint: known.hint })
    : { path: absolute, ...known };
}

function buildPattern(
  build: JobBuild,
  pattern: string,
  base: string | undefined,
): { pattern: string; baseDir: string } {
  if (isAbsolute(pattern)) {
    refuseKey(build, 'input.base', 'a relative pattern');
    return fromFixedPart(pattern);
  }
  const key = base === undefined ? 'input.files' : 'input.base';
  const baseDir = resolve(dirOf(build, key), base ?? '.');
  if (base !== undefined)
    build.checks.push({ kind: 'directory', path: baseDir, key, place: build.reader.placeOf(key) });
  return { pattern, baseDir };
}

// An absolute pattern starts from its last directory without wildcards.
function fromFixedPart(pattern: string): { pattern: string; baseDir: string } {
  const parts = pattern.split('/');
  const magic = parts.findIndex((part) => /[*?[\]{}()!+@\\]/.test(part));
  const fixed = Math.max(1, magic === -1 ? parts.length - 1 : magic);
  return { baseDir: resolve(sep, parts.slice(0, fixed).join('/')), pattern: parts.slice(fixed).join('/') };
}

/** Where relative paths in the value of this key start from: the directory of the file, or of the shell for a flag. */
export const dirOf = (build: JobBuild, key: string): string => build.reader.find(key)?.value.dir ?? build.baseDir;

/** The argv with its program made absolute when it is a path, and a check that it can be run. */
export function programOf(build: JobBuild, key: string, argv: readonly string[]): string[] {
  const [program = '', ...rest] = argv;
  const path = program.includes('/') ? resolve(dirOf(build, key), program) : program;
  const value = build.reader.find(key)?.value;
  const place = (value?.kind === 'list' ? value.items[0]?.place : undefined) ?? build.reader.placeOf(key);
  build.checks.push({ kind: 'program', path, key, place });
  return [path, ...rest];
}

/** The one key of several that was given; null after a problem that names all that were found. */
export function exactlyOne<K extends string>(
  build: JobBuild,
  section: 'input' | 'handler',
  keys: readonly K[],
): K | null {
  const { reader } = build;
  const given = keys.flatMap((key): { key: K; entry: LocatedEntry }[] => {
    const entry = reader.find(`${section}.${key}`);
    return entry === undefined ? [] : [{ key, entry }];
  });
  const expected = `expected exactly one of ${keys.map((key) => `${section}.${key}`).join(', ')}`;
  const [first, second] = given;
  if (first === undefined) {
    const at = reader.find(section)?.keyPlace ?? reader.placeOf(section);
    reader.context(section).problem(`found none, ${expected}`, { at });
    return null;
  }
  if (second === undefined) return first.key;
  const where = ({ key, entry }: { key: K; entry: LocatedEntry }): string =>
    `\`${key}\`${entry.keyPlace.line === undefined ? ` (${entry.keyPlace.file})` : ` (line ${entry.keyPlace.line})`}`;
  reader
    .context(section)
    .problem(`found ${given.map(where).join(' and ')}, ${expected}`, { at: second.entry.keyPlace });
  return null;
}
