import type { Place, Problem } from '../errors/app-error.ts';
import { readAlerting, type AlertingLayer } from './alert-keys.ts';
import { scalarOf, shorten, type Located, type LocatedMap } from './located.ts';
import { createReader } from './reader.ts';
import { readConfigText } from './read-text.ts';
import { FILE_NAMES, profileKeys, SETTING_NAMES, settingsKeys, variableOf, type FileName } from './settings-keys.ts';
import { contextOf, type ValueType } from './value-type.ts';

/** One place settings come from. `from` says so to people. */
export type SettingsLayer = Partial<Record<FileName | 'profile', Picked>>;

export interface Picked {
  readonly value: string;
  readonly from: string;
  readonly place: Place;
}

export interface SettingsFile {
  readonly values: SettingsLayer;
  readonly profiles: ReadonlyMap<string, SettingsLayer>;
  readonly alerting: AlertingLayer;
}

export interface LayerContext {
  readonly userHome: string | undefined;
  readonly problems: Problem[];
}

/** Settings from flags or the environment. An empty variable counts as unset, an empty flag is an error. */
export function wordLayer(
  words: Readonly<Record<string, string | undefined>>,
  { kind, cwd, context }: { kind: 'flag' | 'variable'; cwd: string; context: LayerContext },
): SettingsLayer {
  const layer: SettingsLayer = {};
  const table = { ...settingsKeys(context.userHome), ...profileKeys() };
  for (const name of [...SETTING_NAMES, 'profile'] as const) {
    const label = kind === 'flag' ? `--${name}` : variableOf(name);
    const word = words[kind === 'flag' ? name : label];
    if (word === undefined || (kind === 'variable' && word === '')) continue;
    const place = { file: label };
    const type: ValueType<string> = table[name].type;
    const value = type.read(scalarOf(word, { place, dir: cwd }), contextOf(name, context.problems));
    if (value !== undefined) layer[name] = { value, from: kind === 'flag' ? `flag ${label}` : label, place };
  }
  return layer;
}

/** Reads a settings file with its profiles. Problems, with line and column, go to the context. */
export async function fileLayer(
  path: string,
  { dir, label, context }: { dir: string; label: string; context: LayerContext },
): Promise<SettingsFile> {
  const { problems, userHome } = context;
  const { readYaml } = await import('./read-yaml.ts');
  const yaml = readYaml({ text: await readConfigText(path), name: path, dir });
  problems.push(...yaml.problems);
  const from = (place: Place): string => `${label}${place.file}:${place.line}:${place.column}`;
  const start = { file: path, line: 1, column: 1 };
  const table = { ...settingsKeys(userHome), ...profileKeys(userHome) };
  const reader = createReader({ root: yaml.root, table, start, problems });
  const values = layerOf([...FILE_NAMES, 'profile'], { reader, from });
  const profiles = new Map<string, SettingsLayer>();
  for (const [name, entry] of (reader.read('profiles') as LocatedMap | undefined)?.entries ?? []) {
    const prefix = `profiles.${shorten(name)}.`;
    const inner = createReader({
      root: emptyIfNothing(entry.value),
      table: settingsKeys(userHome),
      start: entry.keyPlace,
      prefix,
      strangers: { profile: 'A profile cannot choose another one; aws.profile is a profile of the AWS files' },
      problems,
    });
    profiles.set(name, layerOf(FILE_NAMES, { reader: inner, from }));
  }
  return { values, profiles, alerting: readAlerting(reader) };
}

interface NamedReader<N extends string> {
  read(name: N): string | undefined;
  find(name: N): { readonly keyPlace: Place } | undefined;
}

function layerOf<N extends FileName | 'profile'>(
  names: readonly N[],
  { reader, from }: { reader: NamedReader<N>; from: (place: Place) => string },
): SettingsLayer {
  const layer: SettingsLayer = {};
  for (const name of names) {
    const value = reader.read(name);
    const place = reader.find(name)?.keyPlace;
    if (value !== undefined && place !== undefined) layer[name] = { value, from: from(place), place };
  }
  return layer;
}

const emptyIfNothing = (value: Located): Located | null =>
  value.kind === 'scalar' && value.value === null ? null : value;
