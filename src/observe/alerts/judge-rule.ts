/** Does a rule hold? Pure; what it needs of the past is in `AlertPast`. */
import type { AlertRule } from '../../domain/alert-rule.ts';
import { isFinalJobState } from '../../domain/states.ts';
import { formatDuration } from '../../domain/units.ts';
import { finishedItems, isAtWork, type AlertFacts } from './facts.ts';

/** `holds` begins an episode and keeps one open, `calm` lets it end, `between` changes nothing: that is the hysteresis. */
export interface Verdict {
  readonly is: 'holds' | 'between' | 'calm';
  /** One sentence about what was found, without the name of the job. */
  readonly what: string;
}

/** What earlier looks saw. */
export interface AlertPast {
  /** Since when it is as many finished items as now. */
  readonly finishedSinceMs: number;
  /** Since when tasks wait and none runs. */
  readonly idleSinceMs: number | null;
  readonly failures: readonly (readonly [atMs: number, failed: number])[];
}

/** A figure has to fall by a fifth below its bound before the trouble counts as over. */
const CALM_SHARE = 0.8;
/** In the first share of the time most elements may have yet to start: what it would take at the pace of a few says nothing. */
const EARLY_SHARE = 0.1;
/** The share of failures among fewer items is chance. */
const FEWEST_ITEMS = 20;

/** What a rule counts with when it does not say. */
export const ALERT_DEFAULTS = {
  stallMs: 30 * 60_000,
  queueWaitMs: 60 * 60_000,
  errorRatePercent: 5,
  spikeItems: 100,
  spikeWithinMs: 10 * 60_000,
  quotaPercent: 80,
  tasks: 1,
} as const;

export function judgeRule(rule: AlertRule, facts: AlertFacts, past: AlertPast): Verdict {
  switch (rule.when) {
    case 'completed':
      return ended(facts, facts.state === 'COMPLETED' || facts.state === 'COMPLETED_WITH_FAILURES');
    case 'failed':
      return ended(facts, facts.state === 'FAILED');
    case 'cancelled':
      return ended(facts, facts.state === 'CANCELLED');
    case 'ended':
      return ended(facts, isFinalJobState(facts.state));
    case 'stall':
      return judgeStall(rule, facts, past);
    case 'queue-wait':
      return judgeQueue(rule, facts, past);
    case 'error-rate':
      return judgeRate(rule, facts);
    case 'error-spike':
      return judgeSpike(rule, facts, past);
    case 'retry':
      return atLeast(rule, facts.retryingTasks, 'waiting for a retry');
    case 'timeout':
      return atLeast(rule, facts.timedOutTasks, 'out of time in the last attempt');
    case 'budget':
      return judgeBudget(rule, facts);
    case 'deadline':
      return judgeDeadline(rule, facts);
    case 'quota':
      return judgeQuota(rule, facts);
  }
}

function ended(facts: AlertFacts, holds: boolean): Verdict {
  const { failed, total } = facts.items;
  const why = facts.reason === null ? '' : `: ${facts.reason}`;
  const how =
    failed === 0 ? `ended as ${facts.state}` : `ended as ${facts.state} with ${failed} of ${total} items failed`;
  return { is: holds ? 'holds' : 'calm', what: `${how}${why}` };
}

function judgeStall({ forMs = ALERT_DEFAULTS.stallMs }: AlertRule, facts: AlertFacts, past: AlertPast): Verdict {
  const stillMs = facts.nowMs - past.finishedSinceMs;
  const what = `no item was finished for ${formatDuration(wholeMinutes(stillMs))}, ${facts.items.pending} are left, ${tasksWords(facts.runningTasks)} running`;
  return { is: isAtWork(facts) && stillMs >= forMs ? 'holds' : 'calm', what };
}

function judgeQueue({ forMs = ALERT_DEFAULTS.queueWaitMs }: AlertRule, facts: AlertFacts, past: AlertPast): Verdict {
  const waitedMs = past.idleSinceMs === null ? 0 : facts.nowMs - past.idleSinceMs;
  const why = facts.reason === null ? '' : `: ${facts.reason}`;
  const what = `${tasksWords(facts.queuedTasks)} waiting and none running for ${formatDuration(wholeMinutes(waitedMs))}${why}`;
  return { is: past.idleSinceMs !== null && waitedMs >= forMs ? 'holds' : 'calm', what };
}

function judgeRate({ above = ALERT_DEFAULTS.errorRatePercent }: AlertRule, facts: AlertFacts): Verdict {
  const finished = finishedItems(facts);
  const percent = finished === 0 ? 0 : (100 * facts.items.failed) / finished;
  const what = `${facts.items.failed} of ${finished} finished items failed (${shortNumber(percent)} %)${worstWords(facts)}`;
  const least = Math.min(FEWEST_ITEMS, facts.items.total);
  if (finished < least) return { is: 'calm', what };
  return { is: compare(percent, above), what };
}

function judgeSpike(
  { above = ALERT_DEFAULTS.spikeItems, withinMs = ALERT_DEFAULTS.spikeWithinMs }: AlertRule,
  facts: AlertFacts,
  { failures }: AlertPast,
): Verdict {
  const before = failedAt(failures, facts, facts.nowMs - withinMs);
  const more = Math.max(0, Math.floor(facts.items.failed - before));
  const what = `${more} items failed within ${formatDuration(withinMs)}${worstWords(facts)}`;
  return { is: compare(more, above), what };
}

/**
 * Failed items at a moment: between two looks as if they had come evenly, because looks that are an hour apart must not make ten minutes out of it. Before
 * the first look: what that one saw.
 */
function failedAt(
  failures: AlertPast['failures'],
  { nowMs, items }: Pick<AlertFacts, 'nowMs' | 'items'>,
  atMs: number,
): number {
  const looks = [...failures, [nowMs, items.failed] as const];
  const next = looks.findIndex(([ms]) => ms > atMs);
  const [toMs, to] = looks[next] ?? [nowMs, items.failed];
  const [fromMs, from] = looks[next - 1] ?? [toMs, to];
  return toMs <= fromMs ? to : from + ((to - from) * (atMs - fromMs)) / (toMs - fromMs);
}

function judgeDeadline({ withinMs = 0 }: AlertRule, facts: AlertFacts): Verdict {
  const leftMs = facts.beganMs + withinMs - facts.nowMs;
  const limit = formatDuration(withinMs);
  if (isFinalJobState(facts.state)) return { is: 'calm', what: 'it has ended' };
  if (leftMs <= 0) return { is: 'holds', what: `not ended within ${limit}; ${facts.items.pending} items are left` };
  if (facts.left === null) return { is: 'between', what: 'nobody can say when it ends' };
  const { atLeastMs, atMostMs } = facts.left;
  const range = [atLeastMs, ...(atMostMs === null ? [] : [atMostMs])].map((ms) => formatDuration(wholeMinutes(ms)));
  const expected = atMostMs === null ? `at least ${range[0]}` : [...new Set(range)].join(' to ');
  const what = `it needs ${expected} more, and ${formatDuration(wholeMinutes(leftMs))} are left of ${limit}`;
  const likelyMs = atMostMs === null ? atLeastMs : (atLeastMs + atMostMs) / 2;
  if (likelyMs >= leftMs) return { is: withinMs - leftMs < withinMs * EARLY_SHARE ? 'between' : 'holds', what };
  return { is: atMostMs === null || atMostMs >= leftMs ? 'between' : 'calm', what };
}

/** Either budget: that of single tasks, which are given up once it is spent, or that of the job. */
function judgeBudget(rule: AlertRule, facts: AlertFacts): Verdict {
  const { heldRetries } = facts;
  const given = atLeast(rule, facts.givenUpTasks, 'given up');
  if (heldRetries === 0) return given;
  const held = `the retry budget of the job is used up: ${tasksWords(heldRetries)} waiting for a retry, which go one at a time`;
  return { is: 'holds', what: facts.givenUpTasks === 0 ? held : `${held}; ${given.what}` };
}

function judgeQuota({ above = ALERT_DEFAULTS.quotaPercent }: AlertRule, { quotas }: AlertFacts): Verdict {
  const shares = quotas.map((quota) => ({ ...quota, percent: (100 * quota.used) / Math.max(1, quota.amount) }));
  const most = shares.toSorted((a, b) => b.percent - a.percent)[0];
  if (most === undefined) return { is: 'calm', what: 'no quota' };
  const what = `${shortNumber(most.percent)} % of ${most.words} are used (${most.used} of ${most.amount})`;
  return { is: compare(most.percent, above), what };
}

function atLeast({ above = ALERT_DEFAULTS.tasks }: AlertRule, tasks: number, words: string): Verdict {
  return { is: tasks === 0 ? 'calm' : compare(tasks, above), what: `${tasksWords(tasks)} ${words}` };
}

const compare = (found: number, bound: number): Verdict['is'] =>
  found >= bound ? 'holds' : found > bound * CALM_SHARE ? 'between' : 'calm';

const tasksWords = (tasks: number): string => `${tasks} ${tasks === 1 ? 'task is' : 'tasks are'}`;
const worstWords = ({ worst }: AlertFacts): string => (worst === null ? '' : `; most of them: ${worst}`);
const wholeMinutes = (ms: number): number => Math.max(60_000, Math.round(ms / 60_000) * 60_000);
const shortNumber = (value: number): string => String(Number(value.toFixed(value < 10 ? 1 : 0)));
