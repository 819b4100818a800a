import { createContext, Script } from 'node:vm';
import { AppError, messageOf } from '../../errors/app-error.ts';

/** A regular expression of JavaScript, for many lines at once. */
export interface LinePattern {
  /** For each text whether it matches. @throws USAGE when that takes too long */
  matching(texts: readonly string[]): readonly boolean[];
}

/** Far above what a pattern without nested repetition needs for as many lines as are given at once. */
const MOST_MS = 2_000;
const MATCH = new Script('texts.map((text) => pattern.test(text))');

/**
 * Some patterns need exponential time for some texts. The engine can be interrupted only from outside its own script, so matching runs in a context of its own
 * with a time limit. @throws USAGE for text that is no regular expression
 */
export function createLinePattern(source: string, mostMs: number = MOST_MS): LinePattern {
  const context = createContext({ pattern: parse(source), texts: [] as readonly string[] });
  return {
    matching(texts) {
      context['texts'] = texts;
      try {
        return MATCH.runInContext(context, { timeout: mostMs }) as boolean[];
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
        throw new AppError('USAGE', {
          message: `--grep: ${JSON.stringify(source)} takes longer than ${mostMs / 1_000} s to match`,
          hint: 'Avoid repetitions within repetitions, such as (a+)+',
        });
      }
    },
  };
}

function parse(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch (error) {
    throw new AppError('USAGE', {
      message: `--grep: found ${JSON.stringify(source)}, expected a regular expression: ${messageOf(error)}`,
      hint: String.raw`Write a backslash before ( ) [ ] { } . * + ? ^ $ | where they stand for themselves`,
    });
  }
}
