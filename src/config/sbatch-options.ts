import { readList } from './plain-types.ts';
import { describeFound, type Located } from './located.ts';
import { unexpected, type ValueType } from './value-type.ts';

/** What slurmctl sets itself, with the short option (when there is one) and what to use instead. */
const TAKEN: Readonly<Record<string, { readonly short?: string; readonly instead: string }>> = {
  account: { short: 'A', instead: 'Use slurm.account' },
  array: { short: 'a', instead: 'Use slurm.elements and slurm.throttle' },
  begin: { short: 'b', instead: 'slurmctl decides when retries start; see retry.backoff' },
  chdir: { short: 'D', instead: 'Elements run in the directory of the job file' },
  'cpus-per-task': { short: 'c', instead: 'Use resources.cpus' },
  dependency: { short: 'd', instead: 'slurmctl chains its own submissions' },
  error: { short: 'e', instead: 'Element output is shown by: slurmctl logs' },
  export: { instead: 'Set variables inside the handler' },
  'export-file': { instead: 'Set variables inside the handler' },
  help: { short: 'h', instead: 'Run sbatch by hand for that' },
  'job-name': { short: 'J', instead: 'Use name' },
  mem: { instead: 'Use resources.memory' },
  'mem-per-cpu': { instead: 'Use resources.memory' },
  'mem-per-gpu': { instead: 'Use resources.memory' },
  'no-requeue': { instead: 'slurmctl decides what runs again; see retry' },
  'open-mode': { instead: 'Element output is shown by: slurmctl logs' },
  output: { short: 'o', instead: 'Element output is shown by: slurmctl logs' },
  parsable: { instead: 'slurmctl reads the answer of sbatch itself' },
  partition: { short: 'p', instead: 'Use slurm.partition' },
  qos: { short: 'q', instead: 'Use slurm.qos' },
  requeue: { instead: 'slurmctl decides what runs again; see retry' },
  signal: { instead: 'slurmctl warns its workers before the time limit itself' },
  'test-only': { instead: 'Use: slurmctl plan' },
  time: { short: 't', instead: 'Use resources.time' },
  usage: { instead: 'Run sbatch by hand for that' },
  version: { short: 'V', instead: 'Run sbatch by hand for that' },
  wait: { short: 'W', instead: 'Use: slurmctl submit --wait' },
  wrap: { instead: 'Use handler.command' },
};

/** Options that only look like the beginning of one that is taken. */
const OTHER_OPTIONS = new Set(['mem-bind', 'time-min', 'wait-all-nodes']);
/** Short options without a value, which may be written together: `-Hs`. */
const SHORT_WITHOUT_VALUE = new Set('hHIkKOQsuvVWX');

/** The option slurmctl sets itself that this argument would override; null when there is none. sbatch accepts any unambiguous beginning of a name. */
function takenOption(argument: string): { readonly name: string; readonly instead: string } | null {
  if (argument.startsWith('--')) {
    const written = argument.slice(2).split('=', 1)[0] as string;
    if (OTHER_OPTIONS.has(written)) return null;
    const name = Object.hasOwn(TAKEN, written)
      ? written
      : Object.keys(TAKEN).find((taken) => taken.startsWith(written));
    return name === undefined ? null : { name: `--${name}`, instead: TAKEN[name]?.instead ?? '' };
  }
  for (const letter of argument.slice(1)) {
    const row = Object.entries(TAKEN).find(([, taken]) => taken.short === letter);
    if (row !== undefined) return { name: `-${letter} (--${row[0]})`, instead: row[1].instead };
    if (!SHORT_WITHOUT_VALUE.has(letter)) return null;
  }
  return null;
}

/** sbatch options, one argument each, that do not take over what slurmctl itself decides. */
export function sbatchOptions(): ValueType<string[]> {
  const expected = 'a list of sbatch options, such as ["--constraint=ib"]';
  return {
    expected,
    schema: { type: 'array', items: { type: 'string', pattern: '^-' } },
    read: (value, context) => {
      const read = (item: Located): string | undefined => {
        const option = item.kind === 'scalar' && typeof item.value === 'string' ? item.value : null;
        if (option === null || !/^-[^-\s]|^--[a-z]/i.test(option))
          return unexpected(item, 'an sbatch option that begins with -', {
            context,
            ...(option === null || option.startsWith('-')
              ? {}
              : { hint: 'Write an option and its value as one: "--constraint=ib"' }),
          });
        // oxlint-disable-next-line no-control-regex -- finding them is the point
        if (/[\u0000-\u001f\u007f]/.test(option))
          return context.problem(`found a control character in ${describeFound(item)}`, { at: item });
        const taken = takenOption(option);
        if (taken === null) return option;
        return context.problem(`found ${describeFound(item)}, but slurmctl sets ${taken.name} itself`, {
          at: item,
          hint: taken.instead,
        });
      };
      return readList(value, read, { context, expected });
    },
  };
}
