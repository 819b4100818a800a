import type { LoadedJob } from '../aggregator/load-job.ts';
import { readSaved } from '../aggregator/lost-task.ts';
import { readWinnerFile } from '../aggregator/winner-file.ts';
import { effectiveRules } from '../domain/builtin-rules.ts';
import { includes, parseRanges } from '../domain/item-ranges.ts';
import type { RetrySpec } from '../domain/job-spec.ts';
import { matchRule } from '../domain/match-rule.ts';
import type { ItemOutcome } from '../domain/outcome.ts';
import { actionWords } from '../domain/rule-words.ts';
import { signalNumber } from '../domain/signals.ts';
import type { TaskItem } from '../domain/task-item.ts';
import { explanationOf } from './explain-committed.ts';
import type { ExplainedItem } from './explain-documents.ts';
import type { PlacedItem } from './find-item.ts';
import { itemIdOf } from './item-ids.ts';
import type { Drivers } from './job-backends.ts';
import { createQuietLog } from './quiet-log.ts';

/** The outcome of an item, or where it stands. @throws RESULT_CORRUPT, STORE_* */
export async function explainItem(
  drivers: Drivers,
  job: LoadedJob,
  { placed, item }: { readonly placed: PlacedItem; readonly item: TaskItem },
): Promise<ExplainedItem> {
  const outcome = await outcomeOf(drivers, job, placed, item);
  const from = outcome === null ? 'none' : item.win === undefined ? 'checkpoint' : 'result';
  const place = { itemIndex: placed.manifest.firstItem + placed.number, number: placed.number, from } as const;
  if (outcome !== null)
    return {
      ...place,
      ...ofOutcome(outcome),
      rule: ruleOf(outcome, job.manifest.spec.retry),
      standing: `${standingOf(from, item, placed.number)}${remedyOf(outcome)}`,
    };
  const cause = lostCause(item, placed.number);
  return {
    ...place,
    itemId: await itemIdOf(drivers.store, job, { task: placed.task, item: placed.number }),
    status: cause === null ? 'unfinished' : 'failed',
    attempts: null,
    durationMs: null,
    errorClass: null,
    errorMessage: null,
    cause,
    explanation: cause === null ? null : explanationOf(cause),
    rule: null,
    standing: standingOf(from, item, placed.number),
  };
}

const remedyOf = ({ cause }: Pick<ItemOutcome, 'cause'>): string =>
  cause === 'bad-input' ? '; to run it, correct its record and submit the input again' : '';

/**
 * The rule that ended the tries of a failed item, reckoned from its outcome; null where no rule was asked: it has not failed, it could not be run at
 * all, it was put aside, or it shares the fate of its task. Pure.
 */
export function ruleOf(
  outcome: Pick<ItemOutcome, 'attempts' | 'durationMs' | 'cause' | 'errorClass' | 'errorMessage'>,
  retry: Pick<RetrySpec, 'rules' | 'items' | 'attempts'>,
): ExplainedItem['rule'] {
  const { attempts, durationMs, cause, errorClass, errorMessage } = outcome;
  // Without a try of its own, or with the failure of its task for an outcome.
  if (cause === null || attempts === 0 || (durationMs === 0 && errorClass === cause)) return null;
  const facts = {
    cause,
    ...endOfCommand(errorClass, errorMessage ?? ''),
    ...(errorClass === null ? {} : { errorClass }),
    ...(errorMessage === null ? {} : { message: errorMessage }),
  };
  // An escalation leaves an item unfinished, so that none has decided about one that has an outcome.
  const rule = matchRule(effectiveRules(retry), facts, ({ action }) => action.do === 'escalate');
  return { name: rule.name, says: actionWords(rule, retry) };
}

/** How a command ended, by the first words of the message that says so. */
function endOfCommand(
  errorClass: string | null,
  message: string,
): { readonly exitCode?: number; readonly signal?: number } {
  const exit = errorClass === 'ExitError' ? /^exit (\d{1,3})\b/.exec(message)?.[1] : undefined;
  if (exit !== undefined) return { exitCode: Number(exit) };
  const name = errorClass === 'SignalError' ? /^killed by (\w+)/.exec(message)?.[1] : undefined;
  const signal = name === undefined ? undefined : signalNumber(name);
  return signal === undefined ? {} : { signal };
}

const ofOutcome = ({ itemId, status, attempts, durationMs, errorClass, errorMessage, cause }: ItemOutcome) => ({
  itemId,
  status,
  attempts,
  durationMs,
  errorClass,
  errorMessage,
  cause,
  explanation: cause === null ? null : explanationOf(cause),
});

async function outcomeOf(
  drivers: Drivers,
  job: LoadedJob,
  { task, manifest, number }: PlacedItem,
  item: TaskItem,
): Promise<ItemOutcome | null> {
  const { createSqliteResultFiles } = await import('../backends/result-file/index.ts');
  const deps = {
    store: drivers.store,
    scratch: await drivers.scratch(),
    resultFiles: createSqliteResultFiles,
    log: createQuietLog(),
  };
  const index = manifest.firstItem + number;
  if (item.win === undefined)
    return (await readSaved(deps, job, { task, item, manifest }))?.outcomes.get(index) ?? null;
  const { outcomes } = await readWinnerFile(deps, job.job, { task, ...item.win });
  return outcomes.find(({ itemIndex }) => itemIndex === index) ?? null;
}

const holds = (ranges: string | undefined, number: number): boolean =>
  ranges !== undefined && includes(parseRanges(ranges) ?? [], number);

/** Why an item without an outcome counts as failed; null while it may still run. */
function lostCause(item: TaskItem, number: number): ExplainedItem['cause'] {
  if (item.quarantined !== undefined && holds(item.quarantined.items, number)) return item.quarantined.cause;
  if (item.state === 'CANCELLED') return item.cause ?? 'cancelled-by-user';
  return item.state === 'DEAD' ? (item.cause ?? 'unknown') : null;
}

function standingOf(from: ExplainedItem['from'], item: TaskItem, number: number): string {
  if (from === 'result') return 'its outcome is committed';
  if (from === 'checkpoint') return 'its outcome is saved; its task is not done yet';
  if (item.quarantined !== undefined && holds(item.quarantined.items, number))
    return `it is quarantined: it killed attempts when it ran alone (${item.quarantined.detail})`;
  if (item.state === 'DEAD' || item.state === 'CANCELLED')
    return 'its task ended before the item had an outcome, so that it counts as failed';
  if (holds(item.trying, number)) return 'it is being run now, among the items that are suspected of killing attempts';
  if (holds(item.suspects, number))
    return 'it is one of the items that are suspected of killing attempts: it is run after all others';
  return item.state === 'RUNNING' ? 'it has no saved outcome yet; its task runs' : 'it has not been run to an end yet';
}
