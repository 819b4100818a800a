/** From the failures of a group to the `error` of a rule that matches them; pure. */
import { holds } from '../domain/match-rule.ts';
import { REDACTED, redactText } from '../domain/redact.ts';
import type { FailureFacts } from '../domain/retry-rules.ts';

/** As long as `retry.rules` takes a pattern. */
const MOST_CHARS = 500;
/** Letters that a pattern must have, so that it says something. */
const LEAST_LETTERS = 4;

/** Kinds of masked text, as `templateOf` writes them, and the wildcard of merged templates. */
const MASK = /<(?:str|url|addr|id|date|path|num|\*)>/g;
/** What a pattern must not hold, or that nobody could type. */
const ODD = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * A pattern with `*` for what varies that matches `failure`; null when there is none that says something. `template`: the message with what varies masked.
 */
export function rulePattern(
  failure: Pick<FailureFacts, 'cause' | 'errorClass' | 'message'>,
  template: string,
): string | null {
  const { cause, errorClass } = failure;
  const begin = errorClass === undefined || errorClass === cause ? '' : `${errorClass}: `;
  // A job file is shown to others: no secret goes into it.
  const open = redactText(template).replaceAll(REDACTED, '*');
  const whole = tidy(`${begin}${open}*`);
  const tries = [whole, tidy(whole.replaceAll(' ', '*')), tidy(`${begin}*${open}*`), errorClass ?? ''];
  return tries.find((pattern) => saysSomething(pattern) && holds({ error: [pattern] }, failure)) ?? null;
}

const tidy = (pattern: string): string =>
  pattern
    .replaceAll(MASK, '*')
    .replaceAll(ODD, '*')
    .replaceAll(/\*+/g, '*')
    .slice(0, MOST_CHARS - 1)
    .replace(/\*?$/, '*');

const saysSomething = (pattern: string): boolean =>
  pattern.length <= MOST_CHARS && !pattern.match(ODD) && (pattern.match(/\p{L}/gu)?.length ?? 0) >= LEAST_LETTERS;
