/**
 * DECIDE AGAIN. Says what becomes of a task whose attempt ended without a commit; pure, so every case is a table row in its test.
 * It never touches state: the coordinator carries the decision out.
 */
import { CAUSES, type Cause } from '../domain/causes.ts';
import { formatRanges, type ItemRange } from '../domain/item-ranges.ts';
import { hasItemsLeft } from '../domain/items-left.ts';
import { matchRule } from '../domain/match-rule.ts';
import type { RetryDecision, RetryQuestion, TaskPlan } from '../domain/retry-decision.ts';
import type { RetryRule } from '../domain/retry-rules.ts';
import { MAX_ATTEMPTS_IN_ALL, MAX_IDLE_ATTEMPTS, type TaskNeeds } from '../domain/task-item.ts';
import { backoffMs } from './backoff.ts';
import { escalate } from './escalate.ts';
import { FREE_DEATHS, quarantine, STRIKES, suspect, without, type Suspicion } from './isolate.ts';
import { sayDecision, type Answered } from './say-decision.ts';

/**
 * `task.charged` counts the ended attempt already (a claim charges it). An attempt that saved results, told more about who kills the workers, or
 * got the killer put aside brought the task nearer to its end: it costs the user nothing, and only the others in a row are counted.
 */
export function decideRetry(question: RetryQuestion): RetryDecision {
  const { task, failure, policy, random } = question;
  const goesOn = UNCOUNTED[failure.cause];
  if (goesOn !== undefined && isOwnEnd(question)) return retryUncounted(question, goesOn);
  const { rule, needs } = ruleFor(question);
  const progressed = (task.checkpoint?.items ?? 0) > (task.checkpointSeen ?? 0);
  const escalates = needs !== null;
  const suspicion = suspicionOf(question, { progressed, escalates });
  // An escalation is bounded by its rule: it is not the same once more.
  const spent = !escalates && isSpent(question, rule);
  const verdict = judgeSuspects(question, suspicion, spent);
  const attempts = task.attempts - (task.attemptsBefore ?? 0);
  const isNews = suspicion?.isNews === true && attempts <= FREE_DEATHS;
  const isProgress = progressed || isNews || verdict.put !== null;
  const idleAttempts = isProgress ? 0 : (task.idleAttempts ?? 0) + 1;
  const isInfra = CAUSES[failure.cause].payer === 'infra';
  const charged = !isProgress && !isInfra && !question.isCanary;
  const plan: TaskPlan = {
    ...planned(question, needs),
    ...verdict.plan,
    ...(idleAttempts === 0 ? {} : { idleAttempts }),
  };
  const worn = attempts >= MAX_ATTEMPTS_IN_ALL || idleAttempts >= MAX_IDLE_ATTEMPTS;
  const usedUp =
    (charged && spent) || (isInfra && rule.action.do === 'retry' && idleAttempts > (rule.action.times ?? Infinity));
  const wouldGiveUp = rule.action.do === 'fail' ? 'fail' : worn ? 'worn' : usedUp ? 'used-up' : null;
  const leavesNone = wouldGiveUp !== null && !worn && hasItemsLeft(task);
  const gaveUp = leavesNone ? null : wouldGiveUp;
  const found = { rule, needs, suspicion, put: verdict.put, idleAttempts, charged };
  const answered: Answered = { ...found, gaveUp, spared: leavesNone ? wouldGiveUp : null };
  const bounds = (rule.action.do === 'fail' ? undefined : rule.action.backoff) ?? policy.backoff;
  return {
    ...sayDecision(question, answered),
    rule: rule.name,
    delayMs: gaveUp === null ? backoffMs(Math.max(1, idleAttempts), bounds, random) : 0,
    charged,
    plan: leavesNone || (task.leavesNone === true && !escalates) ? { ...plan, leavesNone: true } : plan,
  };
}

/** Ends of attempts that could not go on for what jobs share, and handed their tasks back, and when the next one does. */
const UNCOUNTED: Readonly<Partial<Record<Cause, string>>> = {
  'quota-spent': 'goes on when the next window of the quota begins',
  waiting: 'goes on waiting in the next element',
};

/** False: the cause is that of an item that was left, because its handler gave its error this name. */
const isOwnEnd = ({ task: { deferred }, failure }: RetryQuestion): boolean =>
  failure.cause === 'quota-spent' ? deferred?.quota !== undefined : deferred === undefined;

/**
 * Such an end says nothing of the task, so no rule is asked and no bound counts it: a job may have to wait for many windows of a quota, or for days until
 * others give their slots back. When the next window begins the attempt has said itself; whoever waited has lost its place in line, and waits no longer.
 */
function retryUncounted(question: RetryQuestion, goesOn: string): RetryDecision {
  const { task, failure, policy, random } = question;
  const progressed = (task.checkpoint?.items ?? 0) > (task.checkpointSeen ?? 0);
  const { idleAttempts = 0, leavesNone } = task;
  return {
    decision: 'retry',
    why: `${goesOn} (it costs no attempt)`,
    rule: 'built-in rule for infrastructure',
    delayMs: failure.cause === 'waiting' ? 0 : backoffMs(1, policy.backoff, random),
    charged: false,
    plan: {
      ...planned(question, null),
      ...judgeSuspects(question, null, false).plan,
      ...(progressed || idleAttempts === 0 ? {} : { idleAttempts }),
      ...(leavesNone === undefined ? {} : { leavesNone }),
      attemptsBefore: (task.attemptsBefore ?? 0) + 1,
    },
  };
}

/**
 * The first rule that matches; an escalation that cannot go any further is treated as if it were not there. For an item that was left it is the rule
 * by which the worker left it, or one of those behind it: the worker had the whole message.
 */
function ruleFor(question: RetryQuestion): { readonly rule: RetryRule; readonly needs: TaskNeeds | null } {
  const { rules, task } = question;
  const named = rules.findIndex(({ name }) => name === task.deferred?.rule);
  const asked = named < 0 ? rules : rules.slice(named).map((one, at) => (at === 0 ? { ...one, when: {} } : one));
  const raised = new Map<RetryRule, TaskNeeds | null>();
  const rule = matchRule(asked, question.failure, (candidate) => {
    if (candidate.action.do !== 'escalate') return false;
    const needs = escalate(candidate.action, question);
    raised.set(candidate, needs);
    return needs === null;
  });
  return { rule, needs: raised.get(rule) ?? null };
}

/** A task that gets more time is not thought to hang. */
function suspicionOf(
  { task, failure, died }: RetryQuestion,
  { progressed, escalates }: { readonly progressed: boolean; readonly escalates: boolean },
): Suspicion | null {
  if (escalates && failure.cause === 'time-limit') return null;
  return suspect({ task, died, cause: failure.cause, progressed, escalates });
}

/** Has the user's budget of attempts been used, the ended one included? */
const isSpent = ({ task, policy }: RetryQuestion, { action }: RetryRule): boolean =>
  task.charged >= (action.do === 'retry' && action.times !== undefined ? action.times + 1 : policy.attempts);

interface Verdict {
  readonly plan: Pick<TaskPlan, 'suspects' | 'strikes' | 'strikesOf' | 'quarantined'>;
  /** What is put aside by this decision. */
  readonly put: readonly ItemRange[] | null;
}

function judgeSuspects({ task, failure }: RetryQuestion, suspicion: Suspicion | null, spent: boolean): Verdict {
  const { quarantined } = task;
  const kept = quarantined === undefined ? {} : { quarantined };
  if (suspicion === null) {
    const { suspects, strikes, strikesOf } = task;
    return {
      plan: {
        ...kept,
        ...(suspects === undefined ? {} : { suspects }),
        ...(strikes === undefined ? {} : { strikes }),
        ...(strikesOf === undefined ? {} : { strikesOf }),
      },
      put: null,
    };
  }
  const { suspects, strikes, record, struck } = suspicion;
  // With no attempt left for the second strike one has to do, if somebody saw the item run.
  if (struck !== null && (strikes >= STRIKES || (spent && task.inFlight !== undefined))) {
    const why = { cause: failure.cause, detail: failure.message ?? '' };
    const left = formatRanges(without(suspects, struck));
    return {
      plan: { quarantined: quarantine(quarantined, struck, why), ...(left === '' ? {} : { suspects: left }) },
      put: struck,
    };
  }
  return { plan: { ...kept, suspects: formatRanges(suspects), ...record }, put: null };
}

function planned({ task }: RetryQuestion, needs: TaskNeeds | null): Pick<TaskPlan, 'needs' | 'escalations'> {
  if (needs !== null) return { needs, escalations: (task.escalations ?? 0) + 1 };
  return {
    ...(task.needs === undefined ? {} : { needs: task.needs }),
    ...(task.escalations === undefined ? {} : { escalations: task.escalations }),
  };
}
