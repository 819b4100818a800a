import type { LimitDefinition } from '../domain/limit.ts';
import type { Problem } from '../errors/app-error.ts';
import { checkStoreUnits, readLimitDefinition } from './limit-definition.ts';
import { scalarOf, type LocatedEntry, type LocatedMap } from './located.ts';
import { checkName, figuresRefused, typedAt } from './typed-words.ts';
import { contextOf } from './value-type.ts';

/** The figures of a limit as they are typed: `rate` and `tokens` are rates, `unit` and the quotas may name a unit (`images=10/min`). */
export interface LimitWords {
  readonly rate?: string;
  readonly tokens?: string;
  readonly unit?: readonly string[];
  readonly burst?: string;
  readonly hourly?: readonly string[];
  readonly daily?: readonly string[];
  readonly monthly?: readonly string[];
  readonly zone?: string;
  readonly mode?: string;
}

/** A limit from the words of a command line, by the rules of the job file. @throws USAGE with every problem, each at its option */
export function limitOfWords(name: string, words: LimitWords): LimitDefinition {
  const problems: Problem[] = [];
  checkName('limit', name, problems);
  const definition = readLimitDefinition(recordOf(words, problems), contextOf('limit', problems));
  if (definition === 'none' && problems.length === 0)
    problems.push({ message: 'found no figures, expected at least --rate', hint: 'Add --rate 3000/min' });
  if (definition !== 'none' && definition !== undefined)
    checkStoreUnits(name, definition, (message, hint) => problems.push({ message, hint }));
  if (problems.length === 0 && definition !== 'none' && definition !== undefined) return definition;
  throw figuresRefused('limit', name, problems);
}

/** The record that a job file would have. */
function recordOf(words: LimitWords, problems: Problem[]): LocatedMap {
  const entries = new Map<string, LocatedEntry>();
  const put = (key: string, value: LocatedEntry['value']): void => {
    entries.set(key, { keyPlace: value.place, value });
  };
  for (const key of ['rate', 'tokens', 'burst', 'zone', 'mode'] as const) {
    const text = words[key];
    if (text !== undefined) put(key, typedAt(key, text));
  }
  for (const text of words.unit ?? []) {
    const [unit, rate] = split(text);
    if (rate === undefined || entries.has(unit))
      problems.push({
        place: { file: `--unit ${text}` },
        message: rate === undefined ? 'found no name, expected one such as images=10/min' : `found ${unit} twice`,
      });
    else put(unit, scalarOf(rate, { place: { file: `--unit ${text}` }, dir: '/' }));
  }
  for (const key of ['hourly', 'daily', 'monthly'] as const) {
    const texts = words[key] ?? [];
    if (texts.length > 0) put(key, quotaOf(key, texts, problems));
  }
  return { kind: 'map', entries, place: { file: 'limit set' }, dir: '/' };
}

/** `1M` counts requests, `tokens=1M` what it names. */
function quotaOf(key: string, texts: readonly string[], problems: Problem[]): LocatedMap {
  const at = (text: string) => ({ place: { file: `--${key} ${text}` }, dir: '/' });
  const entries = new Map<string, LocatedEntry>();
  for (const text of texts) {
    const [first, amount] = split(text);
    const unit = amount === undefined ? 'requests' : first;
    const value = scalarOf(amount ?? text, at(text));
    if (entries.has(unit)) problems.push({ place: value.place, message: `found ${unit} twice` });
    else entries.set(unit, { keyPlace: value.place, value });
  }
  return { kind: 'map', entries, ...at(texts.join(` --${key} `)) };
}

function split(text: string): readonly [string, string?] {
  const at = text.indexOf('=');
  return at < 0 ? [text] : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}
