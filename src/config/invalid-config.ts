import { AppError, type Problem } from '../errors/app-error.ts';

/** Problems as a person reads a file: flags first (they have no line), then by line and column. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted(
    (a, b) =>
      (a.place?.line ?? 0) - (b.place?.line ?? 0) ||
      (a.place?.column ?? 0) - (b.place?.column ?? 0) ||
      (a.place?.file ?? '').localeCompare(b.place?.file ?? ''),
  );
}

/** One CONFIG_INVALID with all problems of a file. */
export function invalidConfig(file: string, problems: readonly Problem[]): AppError {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new AppError('CONFIG_INVALID', { message: `${file} has ${count}`, problems: inOrder(problems) });
}
