import { createHash } from 'node:crypto';
import type { TaskId } from '../domain/ids.ts';
import type { ErrorCode } from '../errors/catalogue.ts';
import { AppError, messageOf } from '../errors/app-error.ts';
import type { ObjectStore } from '../ports/object-store.ts';

export const sha256Of = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

export interface ReadStored {
  readonly schema: string;
  /** Hash the bytes must have. */
  readonly sha256?: string;
  /** Code of everything that is wrong with it. */
  readonly code: ErrorCode;
  /** Whose it is, for messages: `task 000012`. */
  readonly owner: string;
  /** The task that running again would put right; becomes `details.task`. */
  readonly task?: TaskId;
  /** The remedy, where there is a better one than the catalogue's. */
  readonly hint?: string;
}

type Blame = Pick<ReadStored, 'code' | 'owner' | 'task' | 'hint'>;

/**
 * A stored JSON document, or null when there is none. Only its hash and schema are checked here.
 * @throws AppError of `expected.code`
 */
export async function readStored<T extends { readonly schema: string }>(
  store: ObjectStore,
  key: string,
  expected: ReadStored,
): Promise<T | null> {
  const bytes = await store.get(key);
  if (bytes === null) return null;
  if (expected.sha256 !== undefined)
    expectSame(store, key, expected, { what: 'sha-256', found: sha256Of(bytes), expected: expected.sha256 });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw lie(store, key, expected, `it is not JSON: ${messageOf(error)}`);
  }
  if (value === null || typeof value !== 'object') throw lie(store, key, expected, 'it is not a JSON object');
  expectSame(store, key, expected, { what: 'schema', found: (value as Partial<T>).schema, expected: expected.schema });
  return value as T;
}

/** @throws AppError of `where.code`, saying what was found and what was expected */
export function expectSame(
  store: ObjectStore,
  key: string,
  where: Blame,
  values: { readonly what: string; readonly found: unknown; readonly expected: unknown },
): void {
  if (values.found === values.expected) return;
  const found = JSON.stringify(values.found) ?? 'nothing';
  throw lie(store, key, where, `found ${values.what} ${found}, expected ${JSON.stringify(values.expected)}`);
}

export function lie(store: ObjectStore, key: string, { code, owner, task, hint }: Blame, what: string): AppError {
  return new AppError(code, {
    message: `${owner}: ${store.url(key)}: ${what}`,
    ...(hint === undefined ? {} : { hint }),
    details: { key, ...(task === undefined ? {} : { task }) },
  });
}
