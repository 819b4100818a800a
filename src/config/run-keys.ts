import type { SlurmSpec } from '../domain/job-spec.ts';
import { LOG_LEVELS } from '../domain/log-line.ts';
import { defaulted, optional } from './key-table.ts';
import { choice, text, wholeNumber } from './plain-types.ts';
import { retryRules } from './rules-type.ts';
import { sbatchOptions } from './sbatch-options.ts';
import { backoffRange, byteSize, duration, percentage, tolerance } from './unit-types.ts';
import { unexpected, type ValueType } from './value-type.ts';

const KIB = 1024;

/** Far above any site's array size. */
const MOST_ELEMENTS = 1_000_000;

function elements(): ValueType<SlurmSpec['elements']> {
  const expected = `auto, tasks or a whole number from 1 to ${MOST_ELEMENTS}`;
  return {
    expected,
    schema: { anyOf: [{ enum: ['auto', 'tasks'] }, { type: 'integer', minimum: 1, maximum: MOST_ELEMENTS }] },
    read(value, context) {
      const found = value.kind === 'scalar' ? value.value : null;
      if (found === 'auto' || found === 'tasks') return found;
      const whole = typeof found === 'number' && Number.isInteger(found) && found >= 1 && found <= MOST_ELEMENTS;
      return whole ? found : unexpected(value, expected, { context });
    },
  };
}

/** Text that stands in an sbatch option: no blanks, and nothing that reads as another option. */
function slurmName(expected: string): ValueType<string> {
  const plain = text({ expected, maxLength: 500 });
  return {
    ...plain,
    read(value, context) {
      const found = plain.read(value, context);
      if (found === undefined || /^[^\s-]\S*$/.test(found)) return found;
      return unexpected(value, `${expected}, without blanks and not beginning with -`, { context });
    },
  };
}

const SITE_DEFAULT = "the site's default";

/** Keys about how the job goes through the cluster and what happens when something fails. */
export const runKeys = {
  'slurm.partition': optional(slurmName('the name of a partition'), SITE_DEFAULT, {
    meaning: 'Partition (queue) to run in; several with commas between them.',
    example: 'main',
  }),
  'slurm.account': optional(slurmName('the name of an account'), SITE_DEFAULT, {
    meaning: 'Account the work is charged to.',
    example: 'abc123',
  }),
  'slurm.qos': optional(slurmName('the name of a quality of service'), SITE_DEFAULT, {
    meaning: 'Quality of service.',
    example: 'normal',
  }),
  'slurm.elements': defaulted(elements(), 'auto', {
    meaning:
      'Array elements of a submission: what the partition can run at once (`auto`), one a task (`tasks`), or a number. An element works through tasks until none is left.',
    example: 'tasks',
  }),
  'slurm.throttle': optional(wholeNumber({ min: 1, max: MOST_ELEMENTS }), 'no limit', {
    meaning:
      'Most elements that run at the same time. Fewer do while more would only wait for a limit whose turns the worker takes.',
    example: '200',
  }),
  'slurm.extra': optional(sbatchOptions(), 'none', {
    meaning: 'Further options for `sbatch`, one argument each. Options that slurmctl sets itself are refused.',
    example: '["--constraint=ib", "--gpus=1"]',
  }),

  'retry.items': defaulted(wholeNumber({ min: 1, max: 100 }), '3', {
    meaning: 'Tries of one item before it has failed, the first included.',
    example: '3',
  }),
  'retry.attempts': defaulted(wholeNumber({ min: 1, max: 100 }), '3', {
    meaning: 'Attempts at a task whose worker ended before it was done, the first included.',
    example: '5',
  }),
  'retry.backoff': defaulted(backoffRange(), '1s..60s', {
    meaning: 'Wait before a retry: from the shorter to the longer duration, doubling, with full jitter.',
    example: '5s..10m',
  }),
  'retry.rules': optional(retryRules(), 'the built-in rules alone', {
    meaning:
      'What to do about which failure; the first rule that matches decides, and the built-in ones come after these.',
    example: '[{when: {cause: oom}, do: escalate, memory: x1.5, max: 64G, times: 2}]',
  }),
  'retry.tolerate.items': optional(tolerance(), '`0`', {
    meaning: 'Failed items with which the job still counts as successful: a number, or a share of all items.',
    example: '1%',
  }),
  'retry.tolerate.items.count': optional(wholeNumber({ min: 0, max: 1_000_000_000_000 }), 'no bound', {
    meaning: 'With `percent`: both bounds must hold.',
    example: '100',
  }),
  'retry.tolerate.items.percent': optional(percentage(), 'no bound', {
    meaning: 'With `count`: both bounds must hold.',
    example: '0.5%',
  }),

  'checkpoint.every': defaulted(duration({ minMs: 1_000 }), '30s', {
    meaning: 'How often a worker saves what it has finished; at most this much work is done again after a failure.',
    example: '2m',
  }),

  'logs.level': defaulted(choice(LOG_LEVELS), 'debug', {
    meaning: 'Least level that is kept of what handlers log. What a handler or a command prints counts as `info`.',
    example: 'info',
  }),
  'logs.size': defaulted(byteSize({ min: KIB, max: 64 * KIB ** 2 }), '4MiB', {
    meaning: 'Most of the log of one attempt at a task; its last quarter is for warnings and errors.',
    example: '16MiB',
  }),
  'logs.item': defaulted(byteSize({ min: KIB, max: 64 * KIB ** 2 }), '64KiB', {
    meaning: 'Most of what one try at an item logs and prints.',
    example: '1MiB',
  }),
} as const;
