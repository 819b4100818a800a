import { AsyncLocalStorage } from 'node:async_hooks';
import type { HandlerContext, HandlerResult } from '../../ports/handler-host.ts';
import { createLineWriter, type LineWriter } from './line-writer.ts';

/** What module handlers print (`console.log`, `process.stdout.write`) goes to the log of the item they work on. */
export interface ConsoleCapture {
  during(context: Pick<HandlerContext, 'log'>, run: () => Promise<HandlerResult>): Promise<HandlerResult>;
  stop(): void;
}

type StreamName = 'stdout' | 'stderr';

/** What one try prints, while it runs. */
interface Printing {
  readonly context: Pick<HandlerContext, 'log'>;
  readonly writers: Partial<Record<StreamName, LineWriter>>;
  isOver: boolean;
}

/**
 * Takes over standard output and error of this process. What is printed outside of any try (while the module is loaded, or by timers that outlive
 * their item) goes where it went before.
 */
export function captureConsole(): ConsoleCapture {
  const current = new AsyncLocalStorage<Printing>();
  const restore = (['stdout', 'stderr'] as const).map((stream) => takeOver(stream, () => current.getStore()));
  return {
    async during(context, run) {
      const printing: Printing = { context, writers: {}, isOver: false };
      try {
        return await current.run(printing, run);
      } finally {
        printing.writers.stdout?.end();
        printing.writers.stderr?.end();
        printing.isOver = true;
      }
    },
    stop() {
      for (const undo of restore) undo();
    },
  };
}

/** The disk with the element's output may be full: an error that nobody listens to would end the process, and what is lost is only print. */
const ignore = (): void => undefined;

function takeOver(name: StreamName, printingNow: () => Printing | undefined): () => void {
  const stream = process[name];
  if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
  const original = stream.write.bind(stream);
  const write = (
    chunk: Uint8Array | string,
    encoding?: BufferEncoding | ((error?: Error | null) => void),
    done?: (error?: Error | null) => void,
  ): boolean => {
    const printing = printingNow();
    if (printing === undefined || printing.isOver) return original(chunk, encoding as BufferEncoding, done);
    const writer = (printing.writers[name] ??= createLineWriter((line) =>
      printing.context.log.info(line, { stream: name }),
    ));
    const isText = typeof chunk === 'string' && typeof encoding === 'string' && !/^utf-?8$/i.test(encoding);
    writer.write(isText ? Buffer.from(chunk, encoding) : chunk);
    const callback = typeof encoding === 'function' ? encoding : done;
    if (callback !== undefined) process.nextTick(callback);
    return true;
  };
  stream.write = write as typeof stream.write;
  return () => {
    if (stream.write === write) stream.write = original;
  };
}
