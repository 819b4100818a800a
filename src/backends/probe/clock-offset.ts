/** How far this host's clock is from the services', from the `Date` of their answers. */

import { broken, doubtful, fine, type Verdict } from './verdict.ts';

/** One answer: when the request left and its answer came (epoch ms here), and the `Date` it bore (epoch ms there, whole seconds). */
export interface ClockSample {
  readonly server: string;
  readonly sentMs: number;
  readonly receivedMs: number;
  readonly dateMs: number;
}

/** AWS refuses signatures that are further off; leases of workers that disagree so much end too early or too late. */
const REFUSED_MS = 5 * 60_000;
const AGREES_MS = 30_000;
/** `Date` is cut to whole seconds. */
const DATE_STEP_MS = 1_000;

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

interface RawAnswer {
  readonly response: { readonly headers?: Readonly<Record<string, string>> };
}

interface WatchedClient {
  readonly middlewareStack: {
    add(middleware: never, options: { step: 'deserialize'; name: string; priority: 'low' }): void;
  };
}

/** Notes the `Date` of every answer of a client, refusals included. */
export function watchClock(
  client: WatchedClient,
  { server, nowMs, note }: { server: string; nowMs: () => number; note: (sample: ClockSample) => void },
): void {
  const middleware =
    <A>(next: (args: A) => Promise<RawAnswer>) =>
    async (args: A): Promise<RawAnswer> => {
      const sentMs = nowMs();
      const answer = await next(args);
      const dateMs = Date.parse(answer.response.headers?.['date'] ?? '');
      if (!Number.isNaN(dateMs)) note({ server, sentMs, receivedMs: nowMs(), dateMs });
      return answer;
    };
  // Innermost, so that it sees answers before they become errors.
  client.middlewareStack.add(middleware as never, { step: 'deserialize', name: 'watchClock', priority: 'low' });
}
