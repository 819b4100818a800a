/** How a probe asks a service: every request within one time budget, failures in the words that commands use. */

import { AppError, isAppError, remedyOf } from '../../errors/app-error.ts';
import { awsError, type AwsArea } from '../shared/aws/aws-error.ts';
import { createAwsCaller } from '../shared/aws/call.ts';
import type { AwsContext } from '../shared/aws/client-config.ts';
import { broken, type Verdict } from './verdict.ts';

/** Options of one `send` of an SDK client. */
export interface SendOptions {
  readonly abortSignal: AbortSignal;
}

export interface Asking {
  /**
   * Sends one request; repeats it after "too fast" or a lost connection while there is time.
   * @throws AppError as a job would get it
   */
  ask<T>(operation: string, send: (options: SendOptions) => Promise<T>): Promise<T>;
  /** Median time to an answer, milliseconds; null before the first. */
  typicalMs(): number | null;
  /** Lets go of the timer. */
  close(): void;
}

export interface AskingOptions {
  readonly context: AwsContext;
  readonly area: AwsArea;
  readonly place: string;
  readonly server: string;
  readonly budgetMs: number;
}

const IN_FLIGHT = 8;

export function createAsking({ context, budgetMs, ...request }: AskingOptions): Asking {
  const { clock } = context;
  const call = createAwsCaller({ ...context, maxInFlight: IN_FLIGHT });
  const deadline = new AbortController();
  const cancel = clock.after(budgetMs, () => deadline.abort(new Error('out of time')));
  const answeredMs: number[] = [];
  return {
    async ask(operation, send) {
      let last: unknown;
      const asked = { ...request, operation };
      try {
        return await call({ ...asked, mode: 'idempotent', signal: deadline.signal }, async () => {
          const sentMs = clock.monotonicMs();
          try {
            const answer = await send({ abortSignal: deadline.signal });
            answeredMs.push(clock.monotonicMs() - sentMs);
            return answer;
          } catch (error) {
            if (!deadline.signal.aborted) last = error;
            throw error;
          }
        });
      } catch (error) {
        if (!deadline.signal.aborted || isAppError(error)) throw error;
        throw last === undefined ? silent(asked, budgetMs) : awsError(last, asked);
      }
    },
    typicalMs: () => answeredMs.toSorted((a, b) => a - b)[Math.floor(answeredMs.length / 2)] ?? null,
    close: cancel,
  };
}

const SILENT = { store: 'STORE_UNAVAILABLE', state: 'STATE_UNAVAILABLE', queue: 'QUEUE_UNAVAILABLE' } as const;

const silent = (
  { area, operation, place, server }: { area: AwsArea; operation: string; place: string; server: string },
  budgetMs: number,
): AppError =>
  new AppError(SILENT[area], {
    message: `${operation} on ${place} at ${server}: no answer within ${budgetMs / 1_000} s`,
    hint: `Check the endpoint and that this host has a route to ${server}`,
  });

/** The verdict of one look, whose failure is a verdict too. */
export async function looking(name: string, look: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await look();
  } catch (error) {
    if (!isAppError(error)) throw error;
    return broken(name, error.message, remedyOf(error));
  }
}
