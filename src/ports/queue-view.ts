/**
 * What the batch system has of this user, as far as it was asked lately. However many look, it is asked at most once in a while (30 s): whoever looks
 * first asks for all of them. Looks only, never throws: a picture that cannot be had is null, with the reason.
 */
export interface QueuePicture {
  /** Epoch ms at which the batch system was asked. */
  readonly askedMs: number;
  /** Elements of this user that run, of all jobs. */
  readonly running: number;
  /** Elements that wait, by job name in the batch system and reason; most first. */
  readonly waiting: readonly QueuedElements[];
}

export interface QueuedElements {
  /** Name of the submission (`SubmitRequest.name`). */
  readonly name: string;
  /** Id in the batch system. */
  readonly id: string;
  /** The batch system's own word. */
  readonly reason: string;
  readonly elements: number;
}

export interface QueueView {
  look(): Promise<{ readonly picture: QueuePicture | null; readonly problem: string | null }>;
}
