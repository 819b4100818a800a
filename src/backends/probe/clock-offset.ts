/** How far this host's clock is from the services', from the `Date` of their answers. */

import { DATE_STEP_MS, type DatedAnswer } from '../shared/aws/answer-dates.ts';
import { broken, doubtful, fine, type Verdict } from './verdict.ts';

/** One answer: when the request left and its answer came (epoch ms here), and the `Date` it bore (epoch ms there, whole seconds). */
export interface ClockSample extends DatedAnswer {
  readonly server: string;
}

/** AWS refuses signatures that are further off; leases of workers that disagree so much end too early or too late. */
const REFUSED_MS = 5 * 60_000;
const AGREES_MS = 30_000;

/**
 * Milliseconds by which the service is surely ahead (positive) or behind (negative): the answer was dated somewhere between sending and
 * receiving, so that a slow answer is not taken for a wrong clock.
 */
export function surelyOffMs({ sentMs, receivedMs, dateMs }: ClockSample): number {
  if (dateMs > receivedMs) return dateMs - receivedMs;
  const latestMs = dateMs + DATE_STEP_MS;
  return latestMs < sentMs ? latestMs - sentMs : 0;
}

/** A verdict on the answer whose clock is furthest off; null when no service has shown its clock. */
export function judgeClock(samples: readonly ClockSample[]): Verdict | null {
  const name = 'service clock';
  const [worst] = samples.toSorted((a, b) => Math.abs(surelyOffMs(b)) - Math.abs(surelyOffMs(a)));
  if (worst === undefined) return null;
  const offMs = surelyOffMs(worst);
  const awayMs = Math.abs(offMs);
  if (awayMs <= AGREES_MS) return fine(name, `this host agrees with the services within ${agreement(awayMs)}`);
  const found = `this host is ${inWords(awayMs)} ${offMs > 0 ? 'behind' : 'ahead of'} the clock of ${worst.server}`;
  if (awayMs <= REFUSED_MS)
    return doubtful(name, found, 'Correct the clock of this host (NTP); beyond 5 minutes every request is refused');
  return broken(name, found, 'Correct the clock of this host (NTP): signatures are refused and leases end wrongly');
}

const agreement = (awayMs: number): string => (awayMs <= DATE_STEP_MS ? '1 s' : `${Math.ceil(awayMs / 1_000)} s`);

function inWords(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds} seconds`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`;
}
