/**
 * What the supervisor writes down of a submission, one line of JSON each (`events.jsonl`). An element's state is the result of
 * replaying them; ranges `i…to` keep the cancelling of a large array to one line. Times are epoch milliseconds.
 */
export type ElementEvent =
  /** Written before the process exists, so that a start can never go unrecorded. */
  | { readonly e: 'start'; readonly t: number; readonly i: number; readonly restart: number }
  | { readonly e: 'pid'; readonly i: number; readonly pid: number; readonly process: string }
  | { readonly e: 'kill'; readonly t: number; readonly i: number; readonly why: KillReason }
  | EndEvent
  /** Goes back to waiting, to start with one restart more. */
  | { readonly e: 'requeue'; readonly t: number; readonly i: number; readonly why: string }
  | { readonly e: 'hold'; readonly on: boolean }
  | { readonly e: 'throttle'; readonly most: number };

export interface EndEvent {
  readonly e: 'end';
  readonly t: number;
  readonly i: number;
  /** Last index of the range when it is more than one element. */
  readonly to?: number;
  readonly how: EndWord;
  readonly exit?: number;
  readonly signal?: number;
  readonly note?: string;
}

/** Slurm's words. */
export type EndWord = 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'TIMEOUT' | 'NODE_FAIL' | 'BOOT_FAIL';
/** Why the supervisor itself ends an element. */
export type KillReason = 'cancel' | 'limit' | 'requeue' | 'shutdown';

export const encodeEvent = (event: ElementEvent): string => `${JSON.stringify(event)}\n`;

/**
 * The events in whole lines of a journal, which end in a line end. A broken line is the last one of a writer that died, closed off by
 * its successor; it is skipped.
 */
export function decodeEvents(lines: string): ElementEvent[] {
  const events: ElementEvent[] = [];
  for (const line of lines.split('\n')) {
    const event = line === '' ? null : parseLine(line);
    if (event !== null) events.push(event);
  }
  return events;
}

function parseLine(line: string): ElementEvent | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'e' in value ? (value as ElementEvent) : null;
  } catch {
    return null;
  }
}
