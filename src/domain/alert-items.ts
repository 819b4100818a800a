/** What is stored about alerts: how far each rule of a job is, and what is to be told to whom. */
import type { AlertKind, HookEvent } from './alert-rule.ts';
import type { JobId } from './ids.ts';
import type { JobState } from './states.ts';

/** A time during which a rule held: from when it came true until it was false for a while. One message an episode. */
export type AlertEpisode = {
  /** 1 for the first one of its rule in this generation. */
  readonly number: number;
  readonly open: boolean;
  readonly sinceMs: number;
  /** While open: since when the rule does not hold any more; null while it does. */
  readonly calmMs: number | null;
};

/** State item `J#<job>/ALERTS`. */
export type AlertsItem = {
  /** New with each write: of two passes that looked at the same one, one may write. */
  readonly rev: string;
  /** Of the job; everything below is about this one. */
  readonly generation: number;
  readonly seenMs: number;
  /** Items that were finished, and since when it is that many. */
  readonly finished: number;
  readonly finishedSinceMs: number;
  /** Since when tasks wait and none runs; null: that is not so. */
  readonly idleSinceMs: number | null;
  /** Failed items at some moments, oldest first. */
  readonly failures: readonly (readonly [atMs: number, failed: number])[];
  /** By rule and recipient: passes of other users and hosts know other ones. */
  readonly episodes: Readonly<Record<string, AlertEpisode>>;
};

/** What a message is about, as channels that are programs get it. Its field names are part of the interface. */
export type AlertEvent = {
  readonly schema: 'slurmctl.alert/1';
  /** The same for every try at the same message: receivers know a repetition by it. */
  readonly id: string;
  readonly event: AlertKind | HookEvent | 'test';
  readonly at: string;
  readonly job: { readonly id: string; readonly name: string; readonly state: JobState; readonly generation: number };
  readonly items: {
    readonly total: number;
    readonly succeeded: number;
    readonly failed: number;
    readonly pending: number;
  };
  /** One sentence, and the command to run next. */
  readonly what: string;
  readonly next: string;
};

/**
 * State item `OUTBOX/<id>`: one message to one recipient, or one hook. Kept for a while after it was sent, so that whoever is late does not send
 * it again.
 */
export type OutboxItem = {
  readonly kind: 'message' | 'hook';
  readonly job: JobId;
  /** Who put it there: channels are found in the settings of this user, and hooks run as this user, so nobody else sends it. */
  readonly user: string;
  /** Name of a channel, an address, or the event of a hook. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly event: AlertEvent;
  readonly createdMs: number;
  /** For a hook. */
  readonly argv?: readonly string[];
  readonly cwd?: string;
  /** `given-up`: a message that nobody could send for days, a hook that failed or whose pass died over it. */
  readonly state: 'waiting' | 'sending' | 'sent' | 'given-up';
  readonly tries: number;
  /** Of who sends it, or was the last to try. */
  readonly claim: string;
  readonly claimedMs: number;
  readonly host: string;
  /** Not tried before, on that host: what one host cannot reach another one may. */
  readonly notBeforeMs: number;
  readonly endedMs: number;
  /** Of the last try that failed, or the last line that a hook printed. */
  readonly detail: string;
};
