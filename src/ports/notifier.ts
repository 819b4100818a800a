import type { AlertEvent } from '../domain/alert-items.ts';

/** One message to one recipient. */
export interface Notice {
  /** One line. */
  readonly subject: string;
  /** Plain text of several lines. */
  readonly text: string;
  readonly event: AlertEvent;
}

/**
 * A way to tell people. `send` ends when the other side has accepted the message; what it says may hold no secret.
 * Two sends of the same `event.id` may arrive as two.
 */
export interface Notifier {
  /** Where it goes, in words without secrets. */
  readonly words: string;
  /** @returns what there is to tell of it, or '' @throws ALERT_NOT_SENT when it did not arrive, or nobody knows */
  send(notice: Notice, signal: AbortSignal): Promise<string>;
}
