/** How calls of ports fare: delays, refusals, lost answers, by chance and by what is cut off or out of order at the moment. */
import type { Chance } from './chance.ts';
import type { SimProcess } from './processes.ts';

export type PortName = 'state' | 'store' | 'queue' | 'batch' | 'disk' | 'handler' | 'input';

/** Probabilities of a call; the rest is fine. */
export interface Rates {
  readonly refused: number;
  readonly lost: number;
  readonly dropped: number;
  readonly late: number;
  readonly twice: number;
  readonly slow: number;
}

export const CALM: Rates = { refused: 0, lost: 0, dropped: 0, late: 0, twice: 0, slow: 0 };

export interface Fate {
  /**
   * - `refused`: not done, and the caller is told so · `dropped`: not done, and nobody can tell · `lost`: done, the answer is lost
   * - `late`: the caller gives up, and it is done afterwards · `twice`: done and answered, and once more later
   */
  readonly kind: 'fine' | 'refused' | 'lost' | 'dropped' | 'late' | 'twice';
  readonly requestMs: number;
  readonly answerMs: number;
  readonly lateMs: number;
}

export interface Weather {
  fateOf(process: SimProcess, port: PortName, effect: 'read' | 'write'): Fate;
  /** Nobody reaches the port until `clear`. */
  breakDown(port: PortName): void;
  mend(port: PortName): void;
  /** No more faults from here on. */
  heal(): void;
}

const DELAYS_MS: Readonly<Record<PortName, number>> = {
  state: 15,
  store: 40,
  queue: 30,
  batch: 300,
  disk: 2,
  handler: 20,
  input: 5,
};
/** After this long a caller gives up on an answer. */
const GIVES_UP_MS = 10_000;

export function createWeather(chance: Chance, rates: Readonly<Partial<Record<PortName, Rates>>>): Weather {
  const broken = new Set<PortName>();
  let healed = false;
  const kindOf = (rate: Rates): Fate['kind'] => {
    let left = chance.next();
    for (const kind of ['refused', 'lost', 'dropped', 'late', 'twice'] as const) {
      left -= rate[kind];
      if (left < 0) return kind;
    }
    return 'fine';
  };
  return {
    fateOf(process, port) {
      const rate = healed ? CALM : (rates[port] ?? CALM);
      const typical = DELAYS_MS[port];
      const slow = chance.one(rate.slow) ? chance.between(200, 8_000) : 0;
      const requestMs = chance.between(0.1, typical) + slow;
      const answerMs = chance.between(0.1, typical);
      const lateMs = chance.between(100, chance.one(0.3) ? 240_000 : 15_000);
      if (broken.has(port) || process.node.cut.has(port))
        return { kind: chance.one(0.5) ? 'refused' : 'dropped', requestMs, answerMs: GIVES_UP_MS, lateMs };
      const kind = kindOf(rate);
      const waits = kind === 'late' || kind === 'dropped' || (kind === 'lost' && chance.one(0.5));
      return { kind, requestMs, answerMs: waits ? GIVES_UP_MS : answerMs, lateMs };
    },
    breakDown: (port) => void broken.add(port),
    mend: (port) => void broken.delete(port),
    heal() {
      healed = true;
      broken.clear();
    },
  };
}
