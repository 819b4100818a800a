import type { QueuedSubmission } from './batch-system.ts';

/**
 * What the batch system has of this user, as far as it was asked lately. However many look, it is asked at most once in a while (30 s): whoever looks
 * first asks for all of them.
 */
export interface QueuePicture {
  /** Epoch ms at which the batch system was asked. */
  readonly askedMs: number;
  /** Elements of this user that run, of all jobs. */
  readonly running: number;
  /** Submissions that wait or run. */
  readonly queued: readonly QueuedSubmission[];
  /** There are more submissions than these: that one is missing proves nothing. */
  readonly isCut: boolean;
}

export interface QueueView {
  /** What there is, without waiting for anybody else who asks. Never throws: a picture that cannot be had is null, with the reason. */
  look(): Promise<{ readonly picture: QueuePicture | null; readonly problem: string | null }>;
  /** The same for whoever concludes from what is missing: waits until there is an answer. @throws BATCH_UNREACHABLE */
  queued(): Promise<readonly QueuedSubmission[]>;
}
