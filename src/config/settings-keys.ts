import { optional } from './key-table.ts';
import { directoryPath, location } from './location-type.ts';
import { choice, group, text } from './plain-types.ts';

export const SETTING_NAMES = ['home', 'store', 'state', 'queue', 'scheduler'] as const;
export type SettingName = (typeof SETTING_NAMES)[number];

/** Keys that a settings file, a profile, the environment (`SLURMCTL_HOME` …) and the command line (`--home` …) share. */
export function settingsKeys(userHome: string | undefined) {
  return {
    home: optional(directoryPath(userHome), '.slurmctl beside the job file, or the nearest .slurmctl upwards', {
      meaning:
        'The one directory: logs of the elements, state of the local scheduler, and everything below unless set apart. All nodes must see it.',
      example: '/scratch/me/slurmctl',
    }),
    store: optional(location(userHome), '`objects` in the home directory', {
      meaning: 'Where inputs, results and outputs lie: a path or a `file:///` address.',
      example: 'file:///scratch/me/objects',
    }),
    state: optional(location(userHome), '`state` in the home directory', {
      meaning: 'Where the states of jobs and tasks lie: a path or a `file:///` address.',
      example: '/scratch/me/state',
    }),
    queue: optional(location(userHome), '`queue` in the home directory', {
      meaning: 'Where hints about due retries lie: a path or a `file:///` address.',
      example: '/scratch/me/queue',
    }),
    scheduler: optional(choice(['auto', 'slurm', 'local']), '`auto`', {
      meaning:
        'Where jobs run: on Slurm, on this machine, or (`auto`) on Slurm when a controller answers `scontrol ping`.',
      example: 'local',
    }),
  } as const;
}

/** Keys of a settings file that are not in a profile. */
export function profileKeys() {
  return {
    profile: optional(text({ expected: 'the name of a profile', maxLength: 100 }), 'none', {
      meaning:
        'The profile to use: a named set of the keys above under `profiles`, which wins over the other keys of the settings files.',
      example: 'big-cluster',
    }),
    profiles: optional(group('named groups of settings, such as {laptop: {scheduler: local}}'), 'none', {
      meaning: 'Named sets of the keys above, chosen by `--profile`, `SLURMCTL_PROFILE` or `profile`.',
      example: '{laptop: {scheduler: local}}',
    }),
  } as const;
}

/** The environment variable of a setting. */
export const variableOf = (name: SettingName | 'profile'): string => `SLURMCTL_${name.toUpperCase()}`;
