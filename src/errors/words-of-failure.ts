import { isAppError } from './app-error.ts';

const MESSAGE_CHARS = 200;

/**
 * One line about anything thrown, for work that goes on without what failed: a failure with its code, and a bug owned up to as one, with where it happened.
 */
export function wordsOfFailure(error: unknown): string {
  if (isAppError(error)) return `${error.message} [${error.code}]`;
  if (!(error instanceof Error)) return `bug in slurmctl, please report it: thrown: ${String(error)}`;
  const place = placeOf(error);
  const message = error.message.replaceAll(/\s+/g, ' ').slice(0, MESSAGE_CHARS);
  return `bug in slurmctl, please report it: ${error.name}: ${message}${place === null ? '' : ` (at ${place})`}`;
}

/** File, line and column of the innermost frame that is no code of Node itself; without the directories above `src` and `dist`. */
function placeOf({ stack = '' }: Error): string | null {
  const frames = stack.split('\n').flatMap((line) => /^\s+at (?:.*\()?(.*?:\d+:\d+)\)?$/.exec(line)?.[1] ?? []);
  const own = frames.find((frame) => !frame.startsWith('node:'));
  return own?.replace(/^.*\/(?=(?:src|dist)\/)/, '') ?? null;
}
