import type { Log } from '../../ports/log.ts';
import { factsOf } from './thrown-facts.ts';

/** Logs rejections and exceptions that no promise of the handler carries, instead of letting Node end the process. Returns the way to stop. */
export function watchStrayErrors(log: Log): () => void {
  const rejected = (reason: unknown): void => {
    const { errorClass, errorMessage, detail } = factsOf(reason);
    log.error('a promise of the handler was rejected and nobody awaited it', { errorClass, errorMessage, detail });
  };
  const thrown = (error: unknown): void => {
    const { errorClass, errorMessage, detail } = factsOf(error);
    log.error('the handler threw in a callback outside of its promise', { errorClass, errorMessage, detail });
  };
  process.on('unhandledRejection', rejected);
  process.on('uncaughtException', thrown);
  return () => {
    process.off('unhandledRejection', rejected);
    process.off('uncaughtException', thrown);
  };
}
