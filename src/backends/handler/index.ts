import type { HandlerHost } from '../../ports/handler-host.ts';
import type { Log } from '../../ports/log.ts';
import { loadCommandHandler } from './command-handler.ts';
import { captureConsole } from './console-capture.ts';
import { loadModuleHandler } from './module-handler.ts';
import { watchStrayErrors } from './stray-errors.ts';

export interface HandlerHostOptions {
  /**
   * Given: while a module handler is loaded, what it throws outside of its own promise (a forgotten await, a timer, an event emitter) is logged here
   * and the process goes on; the item it belonged to ends by its own promise or its timeout. Absent: Node ends the process.
   */
  readonly strayLog?: Log;
  /** What a module handler prints goes to the log of its item. Absent: where the process prints. */
  readonly capturesConsole?: boolean;
  /** Environment of commands and place to look programs up; default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Loads the user's function or program. It never runs anything through a shell. What it cannot do: interrupt a module handler that blocks
 * the event loop, or one that ignores its signal; the latter's late result is ignored by the worker.
 */
export function createHandlerHost(options: HandlerHostOptions = {}): HandlerHost {
  return {
    async load(spec, baseDir) {
      if (spec.kind === 'command')
        return loadCommandHandler({ argv: spec.argv, baseDir, env: options.env ?? process.env });
      const unwatch = options.strayLog === undefined ? () => undefined : watchStrayErrors(options.strayLog);
      const captured = options.capturesConsole === true ? captureConsole() : undefined;
      const stopWatching = (): void => {
        unwatch();
        captured?.stop();
      };
      try {
        const run = await loadModuleHandler(spec.path, captured);
        return {
          run,
          close() {
            stopWatching();
            return Promise.resolve();
          },
        };
      } catch (error) {
        stopWatching();
        throw error;
      }
    },
  };
}
