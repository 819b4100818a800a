import {
  conflicted,
  errorAnswer,
  loginPage,
  redirected,
  refusal,
  skewed,
  type Refused,
  type WireAnswer,
} from './fault-proxy-answers.ts';
import type { ProxyMemory } from './fault-proxy-memory.ts';
import { splitBatch } from './fault-proxy-partial.ts';
import { delayOf, type Decision, type FaultName } from './fault-proxy-rules.ts';

/** One request on its way, and all that can be done to it. */
export interface Exchange {
  readonly request: Refused & { readonly body: Buffer };
  readonly memory: ProxyMemory;
  /** Gives it to the server, again at each call; its answer. Another body takes the place of the request's. */
  forward(body?: Buffer): Promise<WireAnswer>;
  answer(answer: WireAnswer): void;
  /** Resets the client's connection; with an answer, after half of it. */
  cut(half?: WireAnswer): void;
  /** Leaves the client waiting until it gives up or the proxy stops. */
  hold(): void;
  sleep(ms: number): Promise<void>;
}

/** Carries a fault out. False: this request gives no occasion for it; whatever has not been answered then goes its normal way. */
export type Fault = (exchange: Exchange, decision: Decision) => Promise<boolean | void> | boolean | void;

const refuseAs =
  (kind: Parameters<typeof refusal>[0]): Fault =>
  (exchange, { rule }) =>
    exchange.answer(refusal(kind, rule, exchange.request));

const minutesAway = (answer: WireAnswer, minutes: number): WireAnswer => ({
  ...answer,
  headers: { ...answer.headers, date: new Date(Date.now() + minutes * 60_000).toUTCString() },
});

export const FAULTS: Readonly<Record<FaultName, Fault>> = {
  throttle: refuseAs('throttle'),
  limit: refuseAs('throttle'),
  error: refuseAs('error'),
  unavailable: refuseAs('unavailable'),
  denied: refuseAs('denied'),
  expired: refuseAs('expired'),
  skew: (exchange, { rule }) => exchange.answer(skewed(rule, exchange.request)),
  redirect: (exchange, { rule }) => exchange.answer(redirected(rule, exchange.request)),
  'wrong-region': (exchange, { rule }) => exchange.answer(redirected(rule, exchange.request)),
  conflict: (exchange, { rule }) =>
    exchange.answer(conflicted(rule, exchange.request, exchange.request.body.toString())),
  html: (exchange, { rule }) => exchange.answer(loginPage(rule.status ?? 200)),
  refuse: (exchange, { rule }) => {
    const { code = 'Refused', status = 400, message = 'Refused' } = rule;
    exchange.answer(errorAnswer(exchange.request, { code, status, message }));
  },
  'error-in-200': (exchange, { rule }) => exchange.answer({ ...refusal('error', rule, exchange.request), status: 200 }),

  reset: (exchange) => exchange.cut(),
  'cut-upload': (exchange) => exchange.cut(),
  hang: (exchange) => exchange.hold(),
  lost: async (exchange) => {
    await exchange.forward();
    exchange.cut();
  },
  'lost-hang': async (exchange) => {
    await exchange.forward();
    exchange.hold();
  },
  'lost-error': async (exchange, { rule }) => {
    await exchange.forward();
    exchange.answer(refusal('error', rule, exchange.request));
  },
  ghost: async (exchange, decision) => {
    exchange.cut();
    await exchange.sleep(delayOf(decision));
    await exchange.forward();
  },
  latency: (exchange, decision) => exchange.sleep(delayOf(decision)),
  late: async (exchange, decision) => {
    const answer = await exchange.forward();
    await exchange.sleep(delayOf(decision));
    exchange.answer(answer);
  },

  truncate: async (exchange) => exchange.cut(await exchange.forward()),
  shorten: async (exchange) => {
    const answer = await exchange.forward();
    exchange.answer({ ...answer, body: answer.body.subarray(0, answer.body.length >> 1) });
  },
  alter: async (exchange, { random }) => {
    const answer = await exchange.forward();
    const body = Buffer.from(answer.body);
    if (body.length > 0) {
      const at = Math.floor(random.next() * body.length);
      body[at] = (body[at] as number) ^ (1 << Math.floor(random.next() * 8));
    }
    exchange.answer({ ...answer, body });
  },

  duplicate: async (exchange) => {
    const first = await exchange.forward();
    await exchange.forward();
    exchange.answer(first);
  },
  repeat: async (exchange) => {
    await exchange.forward();
    exchange.answer(await exchange.forward());
  },
  unprocessed: async (exchange, { rule, random }) => {
    const split = splitBatch(exchange.request, rule.share ?? 0.5, random);
    if (split === null) return false;
    exchange.answer(split.complete(await exchange.forward(split.body)));
    return true;
  },
  redeliver: (exchange, { random }) => {
    const answer = exchange.memory.redelivery(exchange.request, random);
    if (answer === null) return false;
    exchange.answer(answer);
    return true;
  },
  stale: async (exchange) => {
    const present = await exchange.forward();
    const older = exchange.memory.stale(exchange.request, present);
    exchange.answer(older ?? present);
    return older !== null;
  },
  clock: async (exchange, { rule }) => exchange.answer(minutesAway(await exchange.forward(), rule.minutes ?? 20)),
};
