/** Why work of a job is not running, out of what `status` knows anyway. Pure. */
import { counted } from '../domain/counted.ts';
import type { TaskCounts } from '../domain/job-item.ts';
import type { Standstill } from '../domain/standstill.ts';
import { isFinalJobState, type JobState } from '../domain/states.ts';

/** A status document has all of it. */
export interface StandstillFacts {
  readonly job: {
    readonly id: string;
    readonly state: JobState;
    readonly reason: string | null;
    readonly scheduler: 'slurm' | 'local';
  };
  readonly tasks: TaskCounts;
  readonly turn?: {
    readonly group: string;
    readonly max: number;
    readonly place: number | null;
    readonly holders: readonly { readonly job: string }[];
  };
  readonly queue?: {
    readonly waiting: readonly {
      readonly reason: string;
      readonly elements: number;
      readonly says: string;
      readonly todo: string | null;
    }[];
  };
  readonly waits: readonly (Due & { readonly kind: 'limit' | 'pool'; readonly name: string; readonly tasks: number })[];
  readonly retries: readonly {
    readonly cause: string;
    readonly tasks: number;
    readonly undecided: number;
    readonly firstAt: string | null;
    readonly firstInMs: number | null;
  }[];
  readonly heldBack: readonly {
    readonly cause: string;
    readonly tasks: number;
    readonly canary: string | null;
    readonly nextAt: string | null;
  }[];
}

interface Due {
  readonly nextAt: string | null;
  readonly nextInMs: number | null;
}

/** Empty for a job that has ended, and for one all of whose tasks run. What stops the whole job is said alone. */
export function standstill(facts: StandstillFacts, nowMs: number): Standstill[] {
  const { job, tasks } = facts;
  if (isFinalJobState(job.state)) return [];
  const whole = wholeJob(facts);
  if (whole !== null) return [whole];
  const some = [
    ...sending(facts),
    ...queued(facts),
    ...facts.waits.map((wait) => forTurn(wait)),
    ...facts.retries.flatMap((group) => retried(group, job.id)),
    ...facts.heldBack.map((group) => held(group, nowMs)),
  ];
  return some.length === 0 && tasks.pending + tasks.submitted > 0 ? [unsaid(facts)] : some;
}

const FOREVER = { until: null, inMs: null, todo: null } as const;

/** What stops everything; null: nothing does. */
function wholeJob({ job, tasks, turn }: StandstillFacts): Standstill | null {
  const of = { ...FOREVER, waiting: null };
  if (job.state === 'PAUSED') {
    const { reason } = job;
    // What was done says so itself: `paused: lunch (ada@host)`.
    const says = reason?.startsWith('paused') === true ? reason : `paused${reason === null ? '' : `: ${reason}`}`;
    return { ...of, kind: 'paused', says: `the job is ${says}`, todo: `slurmctl resume ${job.id}` };
  }
  if (job.state === 'AGGREGATING') return { ...of, kind: 'merging', says: 'every task has ended; the output is made' };
  if (tasks.total === 0) return { ...of, kind: 'splitting', says: job.reason ?? 'its input is being split into tasks' };
  if (turn === undefined || turn.place === 0) return null;
  const [first] = turn.holders;
  const most = `${turn.max === 1 ? 'one job' : `${turn.max} jobs`} at a time`;
  const who =
    first === undefined ? '' : `, and ${turn.holders.map((holder) => holder.job).join(', ')} ${have(turn.holders)}`;
  const place = turn.place === null ? 'its turn was not asked for yet' : `it is number ${turn.place} in the line`;
  const todo =
    turn.place === null
      ? `slurmctl advance ${job.id}`
      : first === undefined
        ? null
        : `slurmctl status ${first.job} says how long that takes`;
  return { ...of, kind: 'turn', says: `its group ${turn.group} runs ${most}${who}; ${place}`, todo };
}

const have = (holders: readonly unknown[]): string => (holders.length === 1 ? 'has the turn' : 'have the turns');

/** The batch system was asked and took no more, or not yet. */
function sending({ job: { reason }, tasks: { pending } }: StandstillFacts): Standstill[] {
  return reason === null ? [] : [{ ...FOREVER, kind: 'sending', says: reason, waiting: pending }];
}

const queued = ({ queue }: StandstillFacts): Standstill[] =>
  (queue?.waiting ?? []).map(({ reason, elements, says, todo }) => ({
    ...FOREVER,
    kind: 'queue',
    says: `${counted(elements, 'array element')} in the queue of Slurm: ${says} (${reason})`,
    waiting: elements,
    todo,
  }));

const forTurn = ({ kind, name, tasks, nextAt, nextInMs }: StandstillFacts['waits'][number]): Standstill => ({
  kind,
  says: `the workers of ${counted(tasks, 'task')} wait for ${kind === 'limit' ? 'their turns at the limit' : 'slots of the pool'} ${name}`,
  waiting: tasks,
  until: nextAt,
  inMs: nextInMs,
  todo: `slurmctl ${kind} show ${name}`,
});

function retried(group: StandstillFacts['retries'][number], job: string): Standstill[] {
  const { cause, tasks, undecided, firstAt, firstInMs } = group;
  const decided = tasks - undecided;
  const found: Standstill[] = [];
  if (undecided > 0)
    found.push({
      ...FOREVER,
      kind: 'undecided',
      says: `the last attempt at ${counted(undecided, 'task')} ended (${cause}), and the next advance decides what follows`,
      waiting: undecided,
      todo: `slurmctl advance ${job}`,
    });
  if (decided <= 0) return found;
  const isQuota = cause === 'quota-spent';
  found.push({
    kind: isQuota ? 'quota' : 'backoff',
    says: isQuota
      ? `a quota that ${counted(decided, 'task')} ${decided === 1 ? 'needs' : 'need'} is used up until its next window begins`
      : `${counted(decided, 'task')} ${decided === 1 ? 'is' : 'are'} tried again after a pause (${cause})`,
    waiting: decided,
    until: firstAt,
    inMs: firstInMs,
    todo: isQuota
      ? 'slurmctl limit list says which; limit set states a larger one'
      : firstInMs === 0
        ? `slurmctl advance ${job}`
        : null,
  });
  return found;
}

function held({ cause, tasks, canary, nextAt }: StandstillFacts['heldBack'][number], nowMs: number): Standstill {
  const who = canary === null ? 'one of them tries first' : `task ${canary} tries whether it still does`;
  return {
    kind: 'breaker',
    says: `${counted(tasks, 'task')} failed alike (${cause}) and ${tasks === 1 ? 'is' : 'are'} held back: ${who}`,
    waiting: tasks,
    until: nextAt,
    inMs: nextAt === null ? null : Math.max(0, Date.parse(nextAt) - nowMs),
    todo: null,
  };
}

/** Nothing known holds them: they were sent and wait for elements, or were not sent yet. */
function unsaid({ job, tasks }: StandstillFacts): Standstill {
  const { pending, submitted, running } = tasks;
  if (submitted === 0)
    return {
      ...FOREVER,
      kind: 'sending',
      says: `${counted(pending, 'task')} ${pending === 1 ? 'is' : 'are'} not sent to the batch system yet`,
      waiting: pending,
      todo: `slurmctl advance ${job.id}`,
    };
  const takers =
    job.scheduler === 'local'
      ? 'this host has started none of their elements: it is about to, or has no CPU or memory free for one'
      : 'Slurm has started no element yet';
  const says =
    running === 0
      ? `${counted(submitted, 'task')} ${submitted === 1 ? 'is' : 'are'} sent, and ${takers}`
      : `${counted(submitted, 'task')} ${submitted === 1 ? 'waits' : 'wait'} for the ${running === 1 ? 'element that runs' : 'elements that run'}: each takes one task after the other`;
  return { ...FOREVER, kind: 'elements', says, waiting: submitted };
}
