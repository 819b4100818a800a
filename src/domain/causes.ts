/**
 * Why an attempt or an item failed: one normalised list for Slurm states, exits, signals and handler errors.
 * `payer` says whose budget a retry spends: the user's attempts, or the infrastructure's.
 */
export interface CauseInfo {
  readonly payer: 'user' | 'infra' | 'none';
  /** One line for people. */
  readonly explanation: string;
}

const defineCauses = <K extends string>(rows: Record<K, CauseInfo>): Record<K, CauseInfo> => rows;

export const CAUSES = defineCauses({
  'bad-input': { payer: 'none', explanation: 'the input record cannot be parsed; running it again cannot help' },
  'handler-error': { payer: 'user', explanation: 'the handler threw, or its command exited non-zero' },
  'bad-output': {
    payer: 'user',
    explanation: 'the handler returned something that does not fit output.columns or JSON',
  },
  'timeout-item': { payer: 'user', explanation: 'one item took longer than handler.timeout' },
  oom: { payer: 'user', explanation: 'the memory limit was exceeded and the process was killed' },
  'time-limit': { payer: 'user', explanation: 'the time limit of the array element was reached' },
  'node-fail': { payer: 'infra', explanation: 'the compute node died or became unreachable' },
  preempted: { payer: 'infra', explanation: 'a job of higher priority took the node' },
  requeued: { payer: 'infra', explanation: 'Slurm or an administrator requeued the element' },
  'cancelled-by-user': { payer: 'user', explanation: 'the element was cancelled by its owner' },
  'cancelled-by-admin': { payer: 'user', explanation: 'the element was cancelled by somebody else than its owner' },
  'launch-failed': { payer: 'infra', explanation: 'the element could not be started on its node' },
  'disk-full': { payer: 'user', explanation: 'a disk or quota was full' },
  killed: { payer: 'user', explanation: 'the worker process was killed by a signal' },
  'worker-error': { payer: 'user', explanation: 'the worker stopped with an error before it could finish the task' },
  'deadline-missed': { payer: 'user', explanation: 'Slurm could not finish the element before its deadline' },
  lost: { payer: 'infra', explanation: 'the worker vanished and nothing says why' },
  unknown: { payer: 'user', explanation: 'the batch system ended the element for a reason slurmctl does not know' },
});

export type Cause = keyof typeof CAUSES;

export const isCause = (text: unknown): text is Cause => typeof text === 'string' && Object.hasOwn(CAUSES, text);
