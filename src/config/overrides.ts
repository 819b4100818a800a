import type { Problem } from '../errors/app-error.ts';
import { scalarOf, type Located, type LocatedEntry, type LocatedMap } from './located.ts';
import { readYaml } from './read-yaml.ts';

interface OverrideOptions {
  /** Value by dotted key, as given to `--set key=value`. */
  readonly values: Readonly<Record<string, string>>;
  /** Absolute working directory of the shell: relative paths in a flag start there. */
  readonly cwd: string;
  readonly problems: Problem[];
}

/**
 * The tree with the values of `--set` put over it. Diagnostics then name the flag instead of a line.
 * A value that begins with `[` or `{` is read as YAML, anything else as one word.
 */
export function withOverrides(root: Located | null, { values, cwd, problems }: OverrideOptions): Located | null {
  // A file that holds something else than keys is reported as it is, not hidden by a flag.
  if (root !== null && root.kind !== 'map') return root;
  return Object.entries(values).reduce<Located | null>((tree, [key, source]) => {
    const flag = `--set ${key}=${source}`;
    const place = { file: flag };
    const parts = key.split('.');
    if (parts.some((part) => part === '')) {
      problems.push({ place, message: `found the key ${JSON.stringify(key)}, expected one such as batch.items` });
      return tree;
    }
    const value = flagValue(source, { flag, cwd });
    return withValue(tree, { parts, entry: { keyPlace: place, value } });
  }, root);
}

function flagValue(source: string, { flag, cwd }: { flag: string; cwd: string }): Located {
  const at = { place: { file: flag }, dir: cwd };
  if (!/^\s*[[{"']/.test(source)) return scalarOf(source, at);
  const { root } = readYaml({ text: source, name: flag, dir: cwd, oneLine: true });
  // A pattern such as {a,b}/*.png only looks like YAML.
  return root ?? { kind: 'scalar', value: source, source, ...at };
}

function withValue(
  tree: Located | null,
  { parts, entry }: { parts: readonly string[]; entry: LocatedEntry },
): LocatedMap {
  const [first, ...rest] = parts as [string, ...string[]];
  const map = tree?.kind === 'map' ? tree : null;
  const entries = new Map(map?.entries);
  const below = entries.get(first);
  entries.set(
    first,
    rest.length === 0
      ? entry
      : { keyPlace: below?.keyPlace ?? entry.keyPlace, value: withValue(below?.value ?? null, { parts: rest, entry }) },
  );
  return { kind: 'map', entries, place: map?.place ?? entry.value.place, dir: map?.dir ?? entry.value.dir };
}
