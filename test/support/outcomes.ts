import type { ItemOutcome } from '../../src/domain/outcome.ts';

/** A succeeded item; `output` is a value, or its JSON text when a string. */
export const succeeded = (itemIndex: number, output: unknown = {}): ItemOutcome => ({
  itemId: `item-${itemIndex}`,
  itemIndex,
  status: 'succeeded',
  attempts: 1,
  durationMs: 1.5,
  errorClass: null,
  errorMessage: null,
  cause: null,
  output: typeof output === 'string' ? output : JSON.stringify(output),
});

export const failed = (itemIndex: number, message = 'boom'): ItemOutcome => ({
  ...succeeded(itemIndex),
  status: 'failed',
  errorClass: 'TypeError',
  errorMessage: message,
  cause: 'handler-error',
  output: null,
});

/** Items `from` … `from + count - 1`, all succeeded. */
export const range = (from: number, count: number, output: (index: number) => unknown = () => ({})): ItemOutcome[] =>
  Array.from({ length: count }, (_none, n) => succeeded(from + n, output(from + n)));
