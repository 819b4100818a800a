/** What `health` looks for, as the table that code and docs are made of. */
export const HEALTH_CHECKS = {
  unreadable: 'the state of a job cannot be read',
  'batch-system': 'the batch system does not answer, so that nobody knows what waits and runs',
  stuck: 'a job is not done, nothing of it waits or runs, and nothing has happened for a while: nobody advances it',
  'not-advanced': 'the arrays of a job have ended, and what would go on with it waits in the queue',
  silent: 'tasks run, as the batch system says, without a sign of life',
  orphan: 'something is in the queue under a name of a job that did not record it',
  'left-over': 'elements of a job that is over are still in the queue',
  'dead-letters': 'tasks were given up, or items put aside because they take their workers down',
  failed: 'a job ended as FAILED within the last day',
  'stale-lease': 'a process died while it advanced a job',
  'kept-results': 'finished results wait beside the store because it could not be reached',
  undelivered: 'somebody was to be told something and could not be reached, or a hook of a job failed',
  space: 'the file system of the home directory or of a store is nearly full, or has hardly any inodes left',
  filling:
    'the file system of the home directory, of a store or of a state table is going to be full within days, at the pace of the last hours or days',
} as const;
export type HealthCheck = keyof typeof HEALTH_CHECKS;

export interface HealthFinding {
  readonly check: HealthCheck;
  /** `fail`: it does not get better by itself. */
  readonly verdict: 'warn' | 'fail';
  /** Null: of no job. */
  readonly jobId: string | null;
  /** What was found, in one line. */
  readonly found: string;
  /** The command that deals with it, or shows more. */
  readonly remedy: string;
}
