import { AppError, type Problem } from '../../errors/app-error.ts';

export interface MalformedOptions {
  readonly file: string;
  /** What was found and expected, without the file. */
  readonly message: string;
  readonly line?: number;
  readonly hint?: string;
  readonly cause?: unknown;
}

/** INPUT_MALFORMED for an input of which the rest cannot be made out. */
export function malformed({ file, message, line, hint, cause }: MalformedOptions): AppError {
  const place = line === undefined ? { file } : { file, line };
  const problem: Problem = { place, message, ...(hint === undefined ? {} : { hint }) };
  return new AppError('INPUT_MALFORMED', {
    message: `${file}${line === undefined ? '' : `:${line}`}: ${message}`,
    problems: [problem],
    // The default hint offers fail-item, which cannot help where no further record can be told from the next.
    hint: hint ?? 'Correct the input; it cannot be read past this point',
    ...(cause === undefined ? {} : { cause }),
  });
}
