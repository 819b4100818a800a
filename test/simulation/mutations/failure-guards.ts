/** Guards of what is decided about failures: taken away where the retry room, the coordinator and the report of a dead worker meet the ports. */
import type { RetryDecision, RetryQuestion } from '../../../src/domain/retry-decision.ts';
import { BREAKER_PREFIX, HISTORY_PREFIX } from '../../../src/domain/state-keys.ts';
import type { StateCondition } from '../../../src/ports/state-table.ts';
import type { CoordinatorDeps, RetryPlanner } from '../../../src/coordinator/needs.ts';
import type { Mutation } from './mutation.ts';

const NEVER: StateCondition = { op: 'present', path: 'never' };
const ALWAYS: StateCondition = { op: 'not', of: NEVER };

const withoutPath = (when: StateCondition, name: string): StateCondition => {
  const mentions = (part: StateCondition): boolean =>
    'path' in part
      ? part.path.startsWith(name)
      : 'of' in part && (Array.isArray(part.of) ? part.of.some(mentions) : mentions(part.of as StateCondition));
  if (when.op === 'and') return { op: 'and', of: when.of.filter((part) => !mentions(part)) };
  return mentions(when) ? ALWAYS : when;
};

const alterPlanner = (name: string, alter: (planner: RetryPlanner) => Partial<RetryPlanner>): Mutation => ({
  name,
  alterCoordinator: (deps: CoordinatorDeps) => ({ ...deps, planner: { ...deps.planner, ...alter(deps.planner) } }),
});

/** Another question put to the planner, or another answer taken from it. */
const alterDecision = (
  name: string,
  alter: (decide: (question: RetryQuestion) => RetryDecision, question: RetryQuestion) => RetryDecision,
): Mutation => alterPlanner(name, ({ decideRetry }) => ({ decideRetry: (question) => alter(decideRetry, question) }));

export const failureGuards: readonly Mutation[] = [
  // Its two parts imply each other but for moments.
  {
    name: 'crash report: only for the owner',
    rewrite: (process, _key, { change, when }) => ({ change, when: process.kind === 'report' ? ALWAYS : when }),
  },
  {
    name: 'claim: only what the element is big enough for',
    rewrite: (_process, key, { change, when }) => ({
      change,
      when: key.partition.includes('#T#') && change.add?.['charged'] === 1 ? withoutPath(when, 'needs.') : when,
    }),
    // The look for claimable tasks leaves out what is too big, too.
    alterWorker: (deps) => ({
      ...deps,
      state: {
        ...deps.state,
        async *query(partition, prefix) {
          for await (const row of deps.state.query(partition, prefix)) {
            const { needs: _needs, ...item } = row.item;
            yield { ...row, item };
          }
        },
      },
    }),
  },
  {
    name: 'history: the record comes before the move',
    rewrite: (_process, key, { change, when }) => ({
      change,
      when: key.sort.startsWith(HISTORY_PREFIX) ? NEVER : when,
    }),
  },
  {
    name: 'breaker: as it was seen',
    rewrite: (_process, key, { change, when }) => ({
      change,
      when: key.sort.startsWith(BREAKER_PREFIX) ? ALWAYS : when,
    }),
  },
  alterPlanner('breaker: it lets one task try', ({ stepBreaker }) => ({
    stepBreaker: (stored, sight) => stepBreaker(stored, { ...sight, next: null }),
  })),
  alterPlanner('breaker: it closes when that task comes through', ({ stepBreaker }) => ({
    stepBreaker: (stored, sight) =>
      stored?.state === 'HALF' ? { ...stored, version: stored.version + 1 } : stepBreaker(stored, sight),
  })),
  alterDecision('decision: infrastructure costs no attempt', (decide, question) => {
    const decision = decide(question);
    return question.failure.cause === 'requeued' || question.failure.cause === 'node-fail'
      ? { ...decision, charged: true }
      : decision;
  }),
  alterDecision('isolation: a death narrows the suspects', (decide, question) => {
    const { inFlight: _inFlight, trying: _trying, ...task } = question.task;
    return decide({ ...question, task });
  }),
  alterDecision('isolation: the culprit is put aside', (decide, question) => {
    const decision = decide(question);
    const { quarantined: _quarantined, ...plan } = decision.plan;
    return { ...decision, plan };
  }),
  alterDecision('isolation: only who was there is put aside', (decide, question) => {
    const decision = decide(question);
    const { quarantined } = decision.plan;
    if (quarantined === undefined || quarantined.items === question.task.quarantined?.items) return decision;
    return { ...decision, plan: { ...decision.plan, quarantined: { ...quarantined, items: '0-1' } } };
  }),
];
