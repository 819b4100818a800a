import type { Beacon } from '../ports/beacon.ts';
import type { LoadedHandler } from '../ports/handler-host.ts';

/**
 * The handler, with a note in the beacon from the beginning of each try to its end. A try that was given up at its timeout but goes on all
 * the same stays noted: it can still bring the process down.
 *
 * @param firstItem number within the job of the task's first item
 */
export function watchedHandler(handler: LoadedHandler, beacon: Beacon, firstItem: number): LoadedHandler {
  return {
    run(payload, context, json) {
      const token = beacon.begin(context.item.index - firstItem);
      return handler.run(payload, context, json).then(
        (result) => {
          beacon.end(token);
          return result;
        },
        (error: unknown) => {
          beacon.end(token);
          throw error;
        },
      );
    },
    close: () => handler.close(),
  };
}
