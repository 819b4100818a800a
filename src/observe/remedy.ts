/** What deals with a group of failures: a sentence, a command that runs them again, an entry for the rules of the job file. Pure. */
import type { Cause } from '../domain/causes.ts';
import type { Grouping } from '../domain/error-grouping.ts';
import type { ErrorRemedy } from '../domain/error-groups.ts';
import { formatRanges, rangesOf } from '../domain/item-ranges.ts';
import { MOST_MEMORY_BYTES } from '../domain/resource-range.ts';
import { UNKNOWN_KEY, templateOfSample } from './group-failures.ts';
import type { Group } from './group.ts';
import type { ObservedJob } from './needs.ts';
import { memoryWords } from './request-words.ts';
import { rulePattern } from './rule-pattern.ts';

/** Fingerprints that a command names. */
export const MOST_NAMED = 20;
/** Longest list of tasks in a command. */
const MOST_RANGE_CHARS = 400;

const GROWTH = 2;
const MINUTE_MS = 60_000;

/** What to do about a cause before its items run again, or instead; `retry` where nothing has to be done before. */
const ADVICE: Readonly<Record<Cause, string>> = {
  'bad-input': 'Running them again cannot help: correct these records and submit them again',
  'handler-error': 'Correct the handler or what it needs, then run them again: the handler is loaded anew',
  'bad-output': 'Correct what the handler returns, then run them again: the handler is loaded anew',
  'timeout-item':
    'Run them again if something was slow for a while; if they need longer, raise handler.timeout and submit again',
  'rate-limited': 'Run them again later; a limit in the job file keeps to what the service allows',
  oom: 'Run them again with more memory',
  'time-limit': 'Run them again with more time',
  'disk-full': 'Make room where it was full, then run them again',
  killed: 'Find out what killed them (its log, a limit of the node), then run them again',
  'worker-error': 'Look at the log of one of them, then run them again',
  hung: 'Find out what the handler waits for, then run them again',
  'node-fail': 'Run them again: the nodes failed, not the work',
  preempted: 'Run them again: a job of higher priority took the nodes',
  requeued: 'Run them again: Slurm or an administrator took the elements off',
  paused: 'Run them again: a pause ended them',
  'quota-spent': 'Run them again when the quota has begun anew: slurmctl limit show says when',
  waiting: 'Run them again: they only waited for a limit or a pool, which slurmctl limit show and pool show tell of',
  'launch-failed': 'Find out why elements do not start (slurmctl logs shows what they wrote), then run them again',
  lost: 'Run them again: the workers vanished and nothing says why',
  'slot-lost': 'Run them again: their slot of a pool was taken away, or its heartbeats did not arrive',
  unreported: 'Run them again: store or state could not be reached when they were finished',
  'cancelled-by-user': 'They did not run to an end because they were cancelled; run them again if they are wanted',
  'cancelled-by-admin': 'Ask who cancelled them and why, then run them again',
  'deadline-missed': 'Run them again with a later deadline, or none',
  unknown: 'Look at the log of one of them, then run them again',
};

export interface Remedied {
  readonly group: Group;
  readonly by: Grouping;
  readonly job: ObservedJob;
  /** Items of ended tasks of the whole job, by cause. */
  readonly endedItems: ReadonlyMap<Cause, number>;
}

export function remedyOf(remedied: Remedied): ErrorRemedy {
  const { group, by, job } = remedied;
  const cause = causeOf(group);
  const rule = ruleOf(remedied, cause);
  const told = cause === null ? `Look at the kinds of failure in it: slurmctl analyze-errors ${job.id}` : ADVICE[cause];
  const none = (advice: string): ErrorRemedy => ({ advice, command: null, commandItems: 0, rule });
  if (group.items === 0)
    return none('Nothing to run again: no item has failed of it for good, its tasks were tried again or will be');
  if (cause === 'bad-input') return none(told);
  if (job.whyNoRetry !== null) return none(`${told}. ${job.whyNoRetry}`);
  if (group.endedItems === 0)
    return none(`${told}; their tasks have not ended yet, and retry runs items of ended tasks`);
  const chosen = choiceOf(remedied, cause);
  if (chosen === null) return none(`${told}; group by fingerprint for a command`);
  const larger = by === 'node' || by === 'time' ? '' : sizeOf(group, cause);
  return {
    advice: told,
    command: `slurmctl retry ${job.id} ${chosen.words}${larger}`,
    commandItems: chosen.items,
    rule,
  };
}

/** Null where there are several. */
const causeOf = ({ causes }: Group): Cause | null => (causes.size === 1 ? ([...causes.keys()][0] ?? null) : null);

/** The options of `retry` that choose the group; null when no options of a reasonable length do. */
function choiceOf(
  { group, by, endedItems }: Remedied,
  cause: Cause | null,
): { readonly words: string; readonly items: number } | null {
  switch (by) {
    case 'fingerprint': {
      const names = group.fingerprints.entries().map(({ key }) => key);
      if (names.length <= MOST_NAMED) return { words: `--error ${names.join(',')}`, items: group.endedItems };
      return cause === null ? null : { words: `--cause ${cause}`, items: endedItems.get(cause) ?? 0 };
    }
    case 'cause':
      return { words: `--cause ${group.key}`, items: group.endedItems };
    case 'node':
    case 'time':
    case 'task': {
      const tasks = formatRanges(rangesOf(group.endedTasks.values()));
      if (tasks.length > MOST_RANGE_CHARS || group.key === UNKNOWN_KEY) return null;
      return { words: `--task ${tasks}`, items: group.endedItems };
    }
  }
}

function sizeOf({ mostMemoryBytes, mostTimeMs }: Group, cause: Cause | null): string {
  if (cause === 'oom') return ` --memory ${memoryWords(Math.min(GROWTH * mostMemoryBytes, MOST_MEMORY_BYTES))}`;
  return cause === 'time-limit' ? ` --time ${Math.ceil((GROWTH * mostTimeMs) / MINUTE_MS)}m` : '';
}

/** Causes that the built-in rules retry a few times, and that may deserve more. */
const MORE: Readonly<Partial<Record<Cause, string>>> = {
  oom: 'do: escalate, memory: x2, times: 4',
  'time-limit': 'do: escalate, time: x2, times: 4',
  'rate-limited': 'do: retry, backoff: 30s..10m, times: 10',
};
/** Causes of which each message means something else, and of which a kind may deserve no retry at all. */
const BY_MESSAGE: readonly Cause[] = ['handler-error', 'worker-error', 'unknown'];

/** What services and networks say of trouble that passes. */
const PASSES =
  /\b(?:ECONN\w+|ETIMEDOUT|EAI_AGAIN|EPIPE|ENETUNREACH|EHOSTUNREACH|HTTP 5\d\d|time[d-]? ?out|temporar\w*|unavailable|try again)\b/i;
const WHEN_IT_PASSES = 'do: retry, backoff: 30s..10m, times: 5';

function ruleOf({ group, by }: Remedied, cause: Cause | null): string | null {
  if (cause === null || (by !== 'fingerprint' && by !== 'cause')) return null;
  const more = MORE[cause];
  if (more !== undefined) return `{when: {cause: ${cause}}, ${more}}`;
  if (by !== 'fingerprint' || !BY_MESSAGE.includes(cause) || group.sample.item === null) return null;
  const { errorClass, message } = group.sample;
  const failure = { cause, message, ...(errorClass === null || errorClass === '' ? {} : { errorClass }) };
  const pattern = rulePattern(failure, group.template ?? templateOfSample(group.sample));
  if (pattern === null) return null;
  const action = PASSES.test(message) ? WHEN_IT_PASSES : 'do: fail';
  return `{when: {cause: ${cause}, error: ${JSON.stringify(pattern)}}, ${action}}`;
}
