import type { Cause } from '../domain/causes.ts';
import type { ItemOutcome } from '../domain/outcome.ts';
import type { FailureFacts } from '../domain/retry-rules.ts';
import { signalNumber } from '../domain/signals.ts';
import type { HandlerContext, HandlerResult, LimitCalls } from '../ports/handler-host.ts';
import type { Log } from '../ports/log.ts';
import type { TryLimits } from './item-limits.ts';
import type { TryPools } from './item-pools.ts';
import type { OutputNormaliser } from './normalise-output.ts';
import type { TaskItemInput } from '../domain/task-batch.ts';

/** What a handler gets beside the payload. */
export function contextOf(
  item: TaskItemInput,
  attempt: {
    readonly shared: Pick<HandlerContext, 'job' | 'task' | 'scratch'>;
    readonly log: Log;
    readonly tries: number;
    readonly signal: () => AbortSignal;
    readonly limits: Pick<TryLimits, 'calls'>;
    readonly pools: Pick<TryPools, 'hasSlots' | 'pool' | 'slots'>;
    /** The handler waits for what others have: that is no time it takes. */
    readonly over: <T>(wait: Promise<T>) => Promise<T>;
  },
): HandlerContext {
  const { shared, tries, signal, limits, pools, over } = attempt;
  let itemLog: Log | null = null;
  let known: LimitCalls | null = null;
  const calls = (): LimitCalls => (known ??= limits.calls(signal));
  return {
    // Most handlers use neither, and both cost more than a trivial item.
    get signal() {
      return signal();
    },
    get log() {
      itemLog ??= attempt.log.child({ item: item.itemId, try: tries });
      return itemLog;
    },
    attempt: tries,
    job: shared.job,
    task: shared.task,
    item: { id: item.itemId, index: item.itemIndex },
    scratch: shared.scratch,
    limit: (name, cost) => over(calls().limit(name, cost)),
    settle: (call, actual) => calls().settle(call, actual),
    tooManyRequests: (name, retryAfter) => calls().tooManyRequests(name, retryAfter),
    get slots() {
      return pools.slots();
    },
    pool(name) {
      // Two that each wait for what the other holds would wait for ever: for them the timeout goes on.
      const mayWait = !pools.hasSlots();
      const slot = pools.pool(name, signal);
      return mayWait ? over(slot) : slot;
    },
  };
}

export interface EndedTry {
  readonly result: HandlerResult;
  /** Tries at the item, this one included. */
  readonly tries: number;
  readonly durationMs: number;
  readonly normaliser: OutputNormaliser;
}

export function outcomeOf(item: TaskItemInput, end: EndedTry): ItemOutcome {
  if (!end.result.ok) return failed(item, end, end.result);
  const output = end.normaliser.normalise(end.result.output);
  if (!output.ok)
    return failed(item, end, { errorClass: 'bad-output', errorMessage: output.message, cause: 'bad-output' });
  return {
    itemId: item.itemId,
    itemIndex: item.itemIndex,
    status: 'succeeded',
    attempts: end.tries,
    durationMs: end.durationMs,
    errorClass: null,
    errorMessage: null,
    cause: null,
    output: output.json,
  };
}

function failed(
  item: TaskItemInput,
  end: Pick<EndedTry, 'tries' | 'durationMs'>,
  why: { readonly errorClass: string; readonly errorMessage: string; readonly cause: Cause },
): ItemOutcome {
  return {
    itemId: item.itemId,
    itemIndex: item.itemIndex,
    status: 'failed',
    attempts: end.tries,
    durationMs: end.durationMs,
    errorClass: why.errorClass,
    errorMessage: why.errorMessage,
    cause: why.cause,
    output: null,
  };
}

/** The outcome of a record that cannot be run at all. */
export const badInput = (item: TaskItemInput, message: string): ItemOutcome =>
  failed(item, { tries: 0, durationMs: 0 }, { errorClass: 'bad-input', errorMessage: message, cause: 'bad-input' });

/** What the rules are asked about; null for a success. */
export function failureOf(
  { cause, errorClass, errorMessage }: ItemOutcome,
  result: HandlerResult,
): FailureFacts | null {
  if (cause === null) return null;
  const exitCode = result.ok ? undefined : result.exitCode;
  const signal = result.ok || result.signal === undefined ? undefined : signalNumber(result.signal);
  return {
    cause,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(errorClass === null ? {} : { errorClass }),
    ...(errorMessage === null ? {} : { message: errorMessage }),
  };
}

export function logFailure(log: Log, outcome: ItemOutcome, result: HandlerResult): void {
  const { itemId: item, attempts, errorClass, errorMessage, cause } = outcome;
  const extra = result.ok ? {} : { detail: result.detail, exitCode: result.exitCode, signal: result.signal };
  log.error('item failed', { item, try: attempts, cause, errorClass, errorMessage, ...extra });
}
