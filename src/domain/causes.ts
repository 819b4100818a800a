/**
 * Why an attempt or an item failed: one normalised list for the batch system's states, exits, signals and handler errors (`domain/classify.ts`).
 */
export interface CauseInfo {
  /** What the built-in rules do about it (`domain/builtin-rules.ts`); `escalate` asks for more of what ran out. */
  readonly action: 'retry' | 'escalate' | 'fail';
  /** Whose budget a retry spends: the user's attempts, the infrastructure's, or nobody's because there is no retry. */
  readonly payer: 'user' | 'infra' | 'none';
  /** One line for people. */
  readonly explanation: string;
}

const defineCauses = <K extends string>(rows: Record<K, CauseInfo>): Record<K, CauseInfo> => rows;
const fails = (explanation: string): CauseInfo => ({ action: 'fail', payer: 'none', explanation });
const escalates = (explanation: string): CauseInfo => ({ action: 'escalate', payer: 'user', explanation });
const userPays = (explanation: string): CauseInfo => ({ action: 'retry', payer: 'user', explanation });
const infraPays = (explanation: string): CauseInfo => ({ action: 'retry', payer: 'infra', explanation });

export const CAUSES = defineCauses({
  'bad-input': fails('the input record cannot be parsed; running it again cannot help'),
  'handler-error': userPays('the handler threw, or its command exited non-zero'),
  'bad-output': fails('the handler returned something that does not fit output.columns or JSON'),
  'timeout-item': userPays('one item took longer than handler.timeout'),
  'rate-limited': userPays('a service refused because it was asked too often'),
  oom: escalates('the memory was used up: the process was killed for it, or said so itself'),
  'time-limit': escalates('the time limit of the array element was reached'),
  'disk-full': userPays('a disk or quota was full'),
  killed: userPays("the worker process, or the handler's command, was killed by a signal"),
  'worker-error': userPays('the worker stopped with an error before it could finish the task'),
  hung: userPays('the worker showed no sign of life while the batch system said it was running'),
  'node-fail': infraPays('the compute node died or became unreachable'),
  preempted: infraPays('a job of higher priority took the node'),
  requeued: infraPays('Slurm or an administrator requeued the element'),
  paused: infraPays('the job was paused, and its elements were told to stop at once'),
  'quota-spent': infraPays('a quota of a limit was used up; the task goes on when its next window begins'),
  waiting: infraPays('the element reached its time limit while its items only waited for a limit or a pool'),
  'launch-failed': infraPays('the element could not be started on its node'),
  lost: infraPays('the worker vanished and nothing says why'),
  unreported: infraPays('the task was finished, but its result could not be stored or committed'),
  'slot-lost': infraPays('the slot of a pool was taken away while the item ran, or no heartbeat of it arrived'),
  'cancelled-by-user': userPays('the element was cancelled by its owner'),
  'cancelled-by-admin': userPays('the element was cancelled by somebody else than its owner'),
  'deadline-missed': userPays('Slurm could not finish the element before its deadline'),
  unknown: userPays('the batch system ended the element for a reason slurmctl does not know'),
});

export type Cause = keyof typeof CAUSES;

export const CAUSE_NAMES = Object.keys(CAUSES) as readonly Cause[];

export const isCause = (text: unknown): text is Cause => typeof text === 'string' && Object.hasOwn(CAUSES, text);
