import { isAppError, type AppError } from '../../src/errors/app-error.ts';

/** The refusal that a promise ends with; anything else it ends with is thrown. */
export async function refusal(promise: Promise<unknown>): Promise<AppError> {
  const error: unknown = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (isAppError(error)) return error;
  throw error ?? new Error('expected a refusal');
}
