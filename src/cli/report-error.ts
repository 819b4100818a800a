import { AppError, type Problem } from '../errors/app-error.ts';
import type { ErrorDocument } from './documents.ts';
import { problemLines } from './render/problems.ts';
import type { Style } from './render/style.ts';
import { printableLines } from './render/text.ts';
import type { View } from './render/view.ts';

/** What a failed command says to a person (stderr), to a program (stdout, with `--json`) and to the shell. */
export interface ErrorReport {
  readonly text: string;
  readonly document: ErrorDocument;
  readonly exitCode: number;
}

/** Words for anything thrown: an AppError is explained, everything else is owned up to as a bug. */
export const reportError = (
  error: unknown,
  {
    style,
    version,
    flagged = (text) => text,
  }: Pick<View, 'style'> & Partial<Pick<View, 'flagged'>> & { readonly version: () => string },
): ErrorReport =>
  error instanceof AppError ? reportFailure(error, { style, flagged }) : reportBug(error, style, version());

function reportFailure(error: AppError, { style, flagged }: Pick<View, 'style' | 'flagged'>): ErrorReport {
  const lines = [
    `${style.bad('error:')} ${withCode(printableLines(error.message), style.dim(`[${error.code}]`))}`,
    ...problemsToShow(error).flatMap((problem) => problemLines(problem, '  ').map(flagged)),
    `${style.info('hint:')} ${flagged(printableLines(error.hint))}`,
  ];
  return {
    text: `${lines.join('\n')}\n`,
    document: {
      schema: 'slurmctl.error/1',
      code: error.code,
      message: error.message,
      hint: error.hint,
      exitCode: error.exitCode,
      retryable: error.retryable,
      problems: error.problems,
      details: error.details,
    },
    exitCode: error.exitCode,
  };
}

/** What the message and the hint have said already is not said again. */
function problemsToShow({ message, hint, problems }: AppError): Problem[] {
  const rest = problems.map(({ hint: own, ...problem }) => ({
    ...problem,
    ...(own === undefined || own === hint ? {} : { hint: own }),
  }));
  const [only] = rest;
  return rest.length === 1 && only !== undefined && only.hint === undefined && message.includes(only.message)
    ? []
    : rest;
}

/** The code ends the first line, however many follow. */
const withCode = (message: string, code: string): string => message.replace(/(?=\n|$)/, ` ${code}`);

const REPORT_HINT =
  'This is not your fault. Please open an issue with the lines above, what you ran, and the output of: slurmctl doctor --json';

function reportBug(error: unknown, style: Style, version: string): ErrorReport {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${String(error)}`;
  const stack = error instanceof Error ? stackOf(error) : '';
  return {
    text:
      `${style.bad(`bug in slurmctl ${version}:`)} ${printableLines(message)}\n` +
      `${stack === '' ? '' : `  ${printableLines(stack)}\n`}${style.info('hint:')} ${REPORT_HINT}\n`,
    document: {
      schema: 'slurmctl.error/1',
      code: 'BUG',
      message,
      hint: REPORT_HINT,
      exitCode: 1,
      retryable: false,
      problems: [],
      details: { version, stack },
    },
    exitCode: 1,
  };
}

/** The frames, and those of the causes. */
function stackOf(error: Error): string {
  const frames = (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim());
  const cause =
    error.cause instanceof Error ? [`caused by ${error.cause.name}: ${error.cause.message}`, stackOf(error.cause)] : [];
  return [...frames, ...cause].filter((part) => part !== '').join('\n');
}
