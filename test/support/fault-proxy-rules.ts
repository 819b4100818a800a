import type { Random } from '../../src/ports/random.ts';
import { createSeededRandom } from './seeded-random.ts';

export type Service = 's3' | 'dynamodb' | 'sqs';

/**
 * What the proxy can do to a request. "Applied" means that the server did what was asked.
 *
 * Refused, nothing applied:
 * - `throttle`      "too fast": S3 503 SlowDown, DynamoDB 400 ProvisionedThroughputExceededException (or `code: 'ThrottlingException'`),
 *                   SQS 400 RequestThrottled
 * - `limit`         the same for whatever comes faster than `perS` a second
 * - `error`         500 InternalError, InternalServerError, InternalFailure
 * - `unavailable`   503
 * - `denied`        no permission          `expired`  the session token has expired
 * - `skew`          the signature's time is too far off; the `Date` of the answer is `minutes` away
 * - `redirect`      S3 301: the bucket is in `region`      `wrong-region`  S3 400: signed for another region than `region`
 * - `conflict`      DynamoDB: another transaction is at work on the item
 * - `html`          a login page, with `status` 200 or another
 * - `refuse`        an error of the service's form with `code`, `status` and `message`
 * - `error-in-200`  S3 Complete and Copy: status 200 whose body is an error
 * Connections:
 * - `reset`         cut before the server got it     `hang`      no answer, not applied
 * - `cut-upload`    cut while the body is being sent (`about` sees the path and query only), not applied
 * - `lost`          applied, then cut                `lost-hang` applied, no answer
 * - `lost-error`    applied, then 500                `ghost`     cut at once, and applied `delayMs` later
 * - `latency`       reaches the server `delayMs` later; other rules apply too    `late`  applied at once, answered `delayMs` later
 * Bytes of the answer:
 * - `truncate`      cut in the middle                `shorten`   half is missing, with a length that fits
 * - `alter`         one byte is another
 * What services are allowed to do:
 * - `duplicate`     applied twice, answered by the first    `repeat`  applied twice, answered by the second
 * - `unprocessed`   a `share` of a batch is not applied and reported so (DynamoDB batches, SQS batches, S3 DeleteObjects)
 * - `redeliver`     SQS gives a message that it gave before      `stale`  DynamoDB gives an answer that it gave before, unless ConsistentRead
 * - `clock`         answered normally, with a `Date` that is `minutes` away
 */
export type FaultName =
  | 'throttle'
  | 'limit'
  | 'error'
  | 'unavailable'
  | 'denied'
  | 'expired'
  | 'skew'
  | 'redirect'
  | 'wrong-region'
  | 'conflict'
  | 'html'
  | 'refuse'
  | 'error-in-200'
  | 'reset'
  | 'cut-upload'
  | 'hang'
  | 'lost'
  | 'lost-hang'
  | 'lost-error'
  | 'ghost'
  | 'latency'
  | 'late'
  | 'truncate'
  | 'shorten'
  | 'alter'
  | 'duplicate'
  | 'repeat'
  | 'unprocessed'
  | 'redeliver'
  | 'stale'
  | 'clock';

/** Plain data, so that it can be given to a proxy in another process. */
export interface FaultRule {
  readonly fault: FaultName;
  readonly service?: Service;
  /** The service's name for it (`PutObject`, `UpdateItem`), or several; `*` stands for any letters: `*MultipartUpload`. */
  readonly operation?: string | readonly string[];
  /** Regular expression for the path and query (decoded) and the body, separated by a line feed. */
  readonly about?: string;
  /** Share of the matching requests, 0 to 1; default 1. */
  readonly rate?: number;
  /** So many matching requests pass first; default 0. */
  readonly after?: number;
  /** At most so many times; default: no limit. */
  readonly max?: number;
  /** `limit`: requests a second. */
  readonly perS?: number;
  /** `latency`, `late`, `ghost`: milliseconds, or a range to draw from; default 100. */
  readonly delayMs?: number | readonly [number, number];
  /** `unprocessed`: share of the entries, default 0.5; at least one. */
  readonly share?: number;
  /** Name of the error in place of the usual one. */
  readonly code?: string;
  readonly status?: number;
  readonly message?: string;
  /** `redirect`, `wrong-region`: default eu-west-1. */
  readonly region?: string;
  /** `skew`, `clock`: default 20. */
  readonly minutes?: number;
}

export interface RequestFacts {
  readonly service: Service;
  readonly operation: string;
  readonly about: string;
}

export interface Decision {
  readonly rule: FaultRule;
  /** For whatever else is left to chance. */
  readonly random: Random;
}

export interface RuleBook {
  /**
   * The rules that take hold of this request, in order: any number of `latency`, then at most one other. Asked twice: when the `head` has
   * come, for what happens before the body has, and with the `whole` request.
   */
  decide(request: RequestFacts, nowMs: number, known?: 'head' | 'whole'): Decision[];
  /** Takes back a decision that could not be carried out (nothing to redeliver yet), so that `max` does not count it. */
  withdraw(decision: Decision): void;
}

/** Draws by the order of the requests that match a rule: the same seed and order give the same faults. */
export function createRuleBook(rules: readonly FaultRule[], seed: number): RuleBook {
  const lines = rules.map((rule, index) => ({
    rule,
    random: createSeededRandom(seed * 1_000_003 + index * 7_919),
    matches: matcher(rule),
    tooFast: rule.fault === 'limit' ? createBucket(rule.perS ?? 1) : null,
    met: 0,
    fired: 0,
  }));
  return {
    decide(request, nowMs, known = 'whole') {
      const decisions: Decision[] = [];
      for (const line of lines) {
        if ((line.rule.fault === 'cut-upload') !== (known === 'head') || !line.matches(request)) continue;
        line.met += 1;
        const drawn = line.random.next() < (line.rule.rate ?? 1);
        if (line.met <= (line.rule.after ?? 0) || line.fired >= (line.rule.max ?? Infinity)) continue;
        if (line.tooFast === null ? !drawn : !line.tooFast(nowMs)) continue;
        line.fired += 1;
        decisions.push(line);
        if (line.rule.fault !== 'latency') break;
      }
      return decisions;
    },
    withdraw(decision) {
      for (const line of lines) if (line === decision) line.fired -= 1;
    },
  };
}

/** Faults that belong to one service only, or to certain operations. */
const ONLY: Readonly<Partial<Record<FaultName, RegExp>>> = {
  redirect: /^s3 /,
  'wrong-region': /^s3 /,
  conflict: /^dynamodb (Put|Update|Delete|Transact)/,
  'error-in-200': /^s3 (CompleteMultipartUpload|CopyObject|UploadPartCopy)$/,
  alter: /^s3 GetObject$/,
  shorten: /^s3 GetObject$/,
  unprocessed: /^(dynamodb Batch|sqs .*Batch$|s3 DeleteObjects$)/,
  redeliver: /^sqs ReceiveMessage$/,
  stale: /^dynamodb (GetItem|Query|Scan|BatchGetItem)$/,
};

function matcher(rule: FaultRule): (request: RequestFacts) => boolean {
  const only = ONLY[rule.fault];
  const names = rule.operation === undefined ? null : [rule.operation].flat().map(globPattern);
  const about = rule.about === undefined ? null : new RegExp(rule.about);
  return (request) =>
    (rule.service === undefined || rule.service === request.service) &&
    (only === undefined || only.test(`${request.service} ${request.operation}`)) &&
    (names === null || names.some((name) => name.test(request.operation))) &&
    (about === null || about.test(request.about));
}

const globPattern = (glob: string): RegExp => new RegExp(`^${glob.replaceAll('*', '.*')}$`);

/** True for what exceeds `perS` a second; a second's worth may come at once. */
function createBucket(perS: number): (nowMs: number) => boolean {
  let tokens = Math.max(1, perS);
  let thenMs: number | null = null;
  return (nowMs) => {
    if (thenMs !== null) tokens = Math.min(Math.max(1, perS), tokens + ((nowMs - thenMs) / 1_000) * perS);
    thenMs = nowMs;
    if (tokens < 1) return true;
    tokens -= 1;
    return false;
  };
}

/** The delay a rule asks for, milliseconds. */
export function delayOf({ rule, random }: Decision): number {
  const delay = rule.delayMs ?? 100;
  return typeof delay === 'number' ? delay : delay[0] + random.next() * (delay[1] - delay[0]);
}

/**
 * What a bad day looks like to every service: of all requests, about `rate` are throttled, refused with 500 or 503, cut before or after the
 * server acted, cut in the middle of the answer, or reported as partly done; as many again are slow. Only what a client can get over by itself.
 */
export function badDay(rate: number): FaultRule[] {
  const faults: readonly FaultRule[] = [
    { fault: 'throttle' },
    { fault: 'throttle', service: 'dynamodb', code: 'ThrottlingException' },
    { fault: 'error' },
    { fault: 'unavailable' },
    { fault: 'reset' },
    { fault: 'lost' },
    { fault: 'lost-error' },
    { fault: 'truncate' },
    { fault: 'unprocessed' },
  ];
  const each = rate / faults.length;
  return [
    { fault: 'latency', rate, delayMs: [1, 80] },
    ...faults.map((rule, index) => ({ ...rule, rate: each / (1 - index * each) })),
  ];
}
