/** The `Date` of a service's answers, with the moments between which it was made. */

export interface DatedAnswer {
  readonly sentMs: number;
  readonly receivedMs: number;
  /** Epoch milliseconds there, whole seconds. */
  readonly dateMs: number;
}

/** `Date` is cut to whole seconds. */
export const DATE_STEP_MS = 1_000;

interface RawAnswer {
  readonly response: { readonly headers?: Readonly<Record<string, string>> };
}

interface WatchedClient {
  readonly middlewareStack: {
    add(middleware: never, options: { step: 'deserialize'; name: string; priority: 'low' }): void;
  };
}

/** Notes the `Date` of every answer of a client, refusals included. `nowMs`: the clock by which the moments here are told. */
export function watchDates(
  client: WatchedClient,
  { nowMs, note }: { readonly nowMs: () => number; readonly note: (answer: DatedAnswer) => void },
): void {
  const middleware =
    <A>(next: (args: A) => Promise<RawAnswer>) =>
    async (args: A): Promise<RawAnswer> => {
      const sentMs = nowMs();
      const answer = await next(args);
      const dateMs = Date.parse(answer.response.headers?.['date'] ?? '');
      if (!Number.isNaN(dateMs)) note({ sentMs, receivedMs: nowMs(), dateMs });
      return answer;
    };
  // Innermost, so that it sees answers before they become errors.
  client.middlewareStack.add(middleware as never, { step: 'deserialize', name: 'watchDates', priority: 'low' });
}
