import { AppError, type Problem } from '../errors/app-error.ts';

/** Problems as a person reads: what has no line (flags, variables) first, then file by file, by line and column. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted(({ place: a }, { place: b }) => {
    const lineless = Number(a?.line !== undefined) - Number(b?.line !== undefined);
    const file = (a?.file ?? '').localeCompare(b?.file ?? '');
    return lineless || file || (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0);
  });
}

/** One CONFIG_INVALID with all problems of a file. */
export function invalidConfig(file: string, problems: readonly Problem[]): AppError {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new AppError('CONFIG_INVALID', { message: `${file} has ${count}`, problems: inOrder(problems) });
}
