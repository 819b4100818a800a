import type { GlobalFlags } from '../app/api.ts';
import type { OptionFacts } from './define-command.ts';
import type { OutputFlags } from './session.ts';

const place = (flag: string, placeholder: string, description: string): OptionFacts => ({
  flag,
  placeholder,
  description,
  repeatable: false,
});
const toggle = (flag: string, description: string): OptionFacts => ({
  flag,
  placeholder: null,
  description,
  repeatable: false,
});

/** Options of every command, before or after its name. */
export const globalOptions: readonly OptionFacts[] = [
  place('--home', 'dir', 'Directory that holds store, state and queue'),
  place('--store', 'url', 'Object store: a directory, or s3://bucket/prefix'),
  place('--state', 'url', 'State table: a directory, or dynamodb://table'),
  place('--queue', 'url', 'Retry queue: a directory, or sqs://queue'),
  place('--spool', 'switch', 'true: nodes have no route to the services, their work is carried over'),
  place('--scheduler', 'name', 'Batch system: slurm, local, or auto (slurm when a controller answers)'),
  place('--profile', 'name', 'Named profile of the settings file'),
  toggle('--json', 'Print one versioned JSON document on stdout'),
  toggle('--quiet', 'Print nothing on stderr but errors'),
  toggle('--timing', 'Print on stderr how long it took and what was asked of services'),
  toggle('--no-color', 'No colours (as does the environment variable NO_COLOR)'),
];

/** What the user gave of them. */
export function readGlobalOptions(raw: Readonly<Record<string, unknown>>): {
  readonly app: GlobalFlags;
  readonly output: OutputFlags;
} {
  const app: Record<string, string> = {};
  for (const key of ['home', 'store', 'state', 'queue', 'spool', 'scheduler', 'profile']) {
    const value = raw[key];
    if (typeof value === 'string') app[key] = value;
  }
  return {
    app,
    output: {
      json: raw['json'] === true,
      quiet: raw['quiet'] === true,
      colour: raw['color'] !== false,
      timing: raw['timing'] === true,
    },
  };
}
