import { settingsAlertKeys } from './alert-keys.ts';
import { awsKeys, AWS_NAMES } from './aws-keys.ts';
import { optional } from './key-table.ts';
import { directoryPath, location, switchOrDirectory } from './location-type.ts';
import { choice, group, text } from './plain-types.ts';

export const SETTING_NAMES = ['home', 'store', 'state', 'queue', 'spool', 'scheduler'] as const;
export type SettingName = (typeof SETTING_NAMES)[number];

/** Everything that settings files and profiles may hold. */
export const FILE_NAMES = [...SETTING_NAMES, ...AWS_NAMES] as const;
export type FileName = (typeof FILE_NAMES)[number];

/** Keys that a settings file and a profile share; those outside `aws` have a flag (`--home` …) and a variable (`SLURMCTL_HOME` …) too. */
export function settingsKeys(userHome: string | undefined) {
  return {
    home: optional(directoryPath(userHome), '.slurmctl beside the job file, or the nearest .slurmctl upwards', {
      meaning:
        'The one directory: logs of the elements, state of the local scheduler, and everything below unless set apart. All nodes must see it.',
      example: '/scratch/me/slurmctl',
    }),
    store: optional(location(userHome, 'store'), '`objects` in the home directory', {
      meaning:
        'Where inputs, results and outputs lie: a directory, or a bucket of S3 or of a server that speaks its protocol.',
      example: 's3://my-bucket/slurmctl',
    }),
    state: optional(location(userHome, 'state'), '`state` in the home directory', {
      meaning: 'Where the states of jobs and tasks lie: a directory, or a table of DynamoDB.',
      example: 'dynamodb://slurmctl',
    }),
    queue: optional(location(userHome, 'queue'), '`queue` in the home directory', {
      meaning: 'Where hints about due retries lie: a directory, or a queue of SQS.',
      example: 'sqs://slurmctl',
    }),
    spool: optional(switchOrDirectory(userHome), '`false`', {
      meaning:
        'For compute nodes without a route to the services: workers keep their work in a directory (`true` means `spool` in the home directory), and `advance` on a host with a route carries it over. Only with a store or a state outside directories.',
      example: 'true',
    }),
    scheduler: optional(choice(['auto', 'slurm', 'local']), '`auto`', {
      meaning:
        'Where jobs run: on Slurm, on this machine, or (`auto`) on Slurm when a controller answers `scontrol ping`.',
      example: 'local',
    }),
    ...awsKeys(),
  } as const;
}

/** Keys of a settings file that are not in a profile. */
export function profileKeys(userHome?: string) {
  return {
    ...settingsAlertKeys(userHome),
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
