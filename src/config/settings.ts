import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Alerting } from '../domain/alert-rule.ts';
import { AppError, type Problem } from '../errors/app-error.ts';
import { DEFAULT_MAIL } from './mail-keys.ts';
import { awsVariables, foldAws, listAws, type AwsFact } from './aws-fold.ts';
import { inOrder, invalidConfig } from './invalid-config.ts';
import { PLACE_NAMES, type PlaceName } from './location-type.ts';
import { suggestOneOf } from './near-miss.ts';
import { HOME_DIRECTORY, isThere, nearestUpwards, SETTINGS_FILE, userSettingsPath } from './settings-files.ts';
import { type FileName, type SettingName } from './settings-keys.ts';
import {
  fileLayer,
  wordLayer,
  type LayerContext,
  type Picked,
  type SettingsFile,
  type SettingsLayer,
} from './settings-layer.ts';

/** A value and where it came from: `flag --home`, `SLURMCTL_HOME`, `/x/slurmctl.yaml:3:1`, `user config /y/config.yaml:1:1`, `default`. */
export interface Setting<T> {
  readonly value: T;
  readonly from: string;
}

/** Where state lives and where jobs run; what a job does is in its job file. */
export interface Settings {
  /** Absolute directory; may not exist yet. */
  readonly home: Setting<string>;
  /** Canonical URLs, complete in themselves: see `domain/backend-url.ts`. What they name may not exist yet. */
  readonly store: Setting<string>;
  readonly state: Setting<string>;
  readonly queue: Setting<string>;
  /** Absolute directory in which workers without a route keep their work; null: they have a route. */
  readonly spool: Setting<string | null>;
  readonly scheduler: Setting<'auto' | 'slurm' | 'local'>;
  readonly profile: Setting<string | null>;
  /** How the services are reached, and where that was said; it is in the URLs already. Empty when all is in directories. */
  readonly aws: readonly AwsSetting[];
  /** Who is told what about jobs; of the project's file and the user's own. */
  readonly alerting: Alerting;
}

/** `aws.region`, or `aws.region (store, state)` where the services differ. */
export interface AwsSetting extends Setting<string> {
  readonly name: string;
}

export interface SettingsOptions {
  /** Values of `--home`, `--store`, `--state`, `--queue`, `--spool`, `--scheduler` and `--profile`. */
  readonly flags: Partial<Record<SettingName | 'profile', string | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute working directory. */
  readonly cwd: string;
  /** Absolute directory of the job file, for commands that have one. */
  readonly jobFileDir?: string;
}

/**
 * Finds every setting: flag, then environment, then the chosen profile, then the nearest slurmctl.yaml upwards (from the job file
 * when there is one), then the user's config, then the default.
 * @throws CONFIG_INVALID with every problem in flags, variables and both files; CONFIG_NOT_FOUND for an unreadable settings file
 */
export async function loadSettings(options: SettingsOptions): Promise<Settings> {
  const { flags, env, cwd, jobFileDir } = options;
  const context: LayerContext = { userHome: env['HOME'], problems: [] };
  const flagLayer = wordLayer(flags, { kind: 'flag', cwd, context });
  const variableLayer = wordLayer(env, { kind: 'variable', cwd, context });
  const files = await settingsFiles(options, context);

  const profile = pick('profile', [flagLayer, variableLayer, ...files.map((file) => file.values)]);
  const chosen = profile === undefined ? [] : profileLayers(profile, { files, problems: context.problems });
  const layers = [flagLayer, variableLayer, ...chosen, ...files.map((file) => file.values)];
  const home = pick('home', layers) ?? { value: await defaultHome(cwd, jobFileDir), from: 'default' };
  const { places, facts } = foldPlaces(home.value, layers, options, context.problems);
  const spool = spoolOf(home.value, layers, { places, problems: context.problems });
  if (context.problems.length > 0)
    throw invalidConfig(inOrder(context.problems)[0]?.place?.file ?? 'settings', context.problems);

  await requireDirectories({ home, ...places, ...(spool.value === null ? {} : { spool }) });
  return {
    home: { value: home.value, from: home.from },
    ...places,
    spool,
    scheduler: (setting(pick('scheduler', layers)) as Settings['scheduler'] | undefined) ?? {
      value: 'auto',
      from: 'default',
    },
    profile: setting(profile) ?? { value: null, from: 'default' },
    aws: listAws(facts),
    alerting: joinAlerting(files),
  };
}

const SUBDIRECTORY: Readonly<Record<PlaceName, string>> = { store: 'objects', state: 'state', queue: 'queue' };

type Places = Readonly<Record<PlaceName, Setting<string>>>;

/** Store, state and queue, with all that is known about the way to them. AWS variables count only where a service of AWS is asked for. */
function foldPlaces(
  home: string,
  layers: readonly SettingsLayer[],
  { env, cwd }: SettingsOptions,
  problems: Problem[],
): { readonly places: Places; readonly facts: readonly AwsFact[] } {
  const found = PLACE_NAMES.map((name): [PlaceName, Setting<string>] => [
    name,
    setting(pick(name, layers)) ?? { value: pathToFileURL(join(home, SUBDIRECTORY[name])).href, from: 'default' },
  ]);
  const anyAws = found.some(([, { value }]) => !value.startsWith('file:'));
  const ways = anyAws ? [awsVariables(env, { cwd, problems }), ...layers] : layers;
  const folded = found.map(([name, place]) => ({ name, from: place.from, ...foldAws(name, place, ways) }));
  return {
    places: Object.fromEntries(folded.map(({ name, url, from }) => [name, { value: url, from }])) as Places,
    facts: folded.flatMap(({ facts }) => facts),
  };
}

function spoolOf(
  home: string,
  layers: readonly SettingsLayer[],
  { places, problems }: { places: Places; problems: Problem[] },
): Setting<string | null> {
  const spool = pick('spool', layers);
  if (spool === undefined || spool.value === 'false') return { value: null, from: spool?.from ?? 'default' };
  // An address with a problem of its own counts as absent here: it is enough to tell that.
  const isAllLocal = places.store.value.startsWith('file:') && places.state.value.startsWith('file:');
  if (problems.length === 0 && isAllLocal)
    problems.push({
      place: spool.place,
      message: 'spool: found a spool, but store and state are directories already',
      hint: 'Leave spool out, or keep store or state outside directories: store: s3://bucket/prefix',
    });
  return { value: spool.value === 'true' ? join(home, 'spool') : spool.value, from: spool.from };
}

/** What is not there yet is made at the first write; a file in its place would be taken for an empty directory by whoever only reads. */
async function requireDirectories(places: Readonly<Record<string, Setting<string | null>>>): Promise<void> {
  for (const [name, { value, from }] of Object.entries(places)) {
    const path = directoryOf(value);
    if (path !== null && (await isThere(path, 'file')))
      throw new AppError('CONFIG_INVALID', {
        message: `${name} (${from}): found the file ${path}, expected a directory`,
        hint: `Move the file away, or choose another place with --${name}`,
      });
  }
}

/** Null for what is no directory. */
function directoryOf(place: string | null): string | null {
  if (place === null || place.startsWith('/')) return place;
  return place.startsWith('file:') ? fileURLToPath(place) : null;
}

function pick(name: FileName | 'profile', layers: readonly SettingsLayer[]): Picked | undefined {
  return layers.find((layer) => layer[name] !== undefined)?.[name];
}

const setting = (picked: Picked | undefined): Setting<string> | undefined =>
  picked && { value: picked.value, from: picked.from };

/** The project's file, then the user's; only those that exist. */
async function settingsFiles(
  { cwd, env, jobFileDir }: SettingsOptions,
  context: LayerContext,
): Promise<SettingsFile[]> {
  const files: SettingsFile[] = [];
  const project = await nearestUpwards(jobFileDir ?? cwd, SETTINGS_FILE, 'file');
  if (project !== null) files.push(await fileLayer(project, { dir: dirname(project), label: '', context }));
  const user = userSettingsPath(env);
  if (user !== null && user !== project && (await isThere(user, 'file')))
    files.push(await fileLayer(user, { dir: dirname(user), label: 'user config ', context }));
  return files;
}

/** Of two channels of one name the nearer counts, of two mail servers too; rules add up. */
function joinAlerting(files: readonly SettingsFile[]): Alerting {
  const layers = files.map(({ alerting }) => alerting);
  return {
    channels: Object.assign({}, ...layers.map(({ channels = {} }) => channels).toReversed()) as Alerting['channels'],
    mail: layers.find(({ mail }) => mail !== undefined)?.mail ?? DEFAULT_MAIL,
    rules: layers.flatMap(({ rules = [] }) => rules),
  };
}

function profileLayers(
  profile: Picked,
  { files, problems }: { files: readonly SettingsFile[]; problems: Problem[] },
): SettingsLayer[] {
  const found = files.flatMap((file) => file.profiles.get(profile.value) ?? []);
  if (found.length > 0) return found;
  const names = [...new Set(files.flatMap((file) => [...file.profiles.keys()]))];
  const known = names.length === 0 ? 'but no settings file has profiles' : `expected one of ${names.join(', ')}`;
  const hint = names.length === 0 ? 'Add it under profiles: in slurmctl.yaml' : suggestOneOf(profile.value, names);
  problems.push({ place: profile.place, message: `profile: found ${JSON.stringify(profile.value)}, ${known}`, hint });
  return [];
}

async function defaultHome(cwd: string, jobFileDir: string | undefined): Promise<string> {
  if (jobFileDir !== undefined) return join(jobFileDir, HOME_DIRECTORY);
  return (await nearestUpwards(cwd, HOME_DIRECTORY, 'directory')) ?? join(cwd, HOME_DIRECTORY);
}
