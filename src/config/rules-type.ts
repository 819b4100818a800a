import { basename } from 'node:path';
import type { RetryRule } from '../domain/retry-rules.ts';
import { describeFound, type Located, type LocatedMap } from './located.ts';
import { readRecords, recordContext } from './record-list.ts';
import { ACTION_SCHEMAS, readAction } from './rule-action.ts';
import { CONDITION_SCHEMA, readCondition } from './rule-condition.ts';
import { conflictOf, type RuleConflict } from './rule-conflicts.ts';
import { whyUseless } from './rule-use.ts';
import type { ReadContext, ValueType } from './value-type.ts';

const MOST_RULES = 100;
const RULE_EXPECTED = 'a rule such as {when: {cause: oom}, do: escalate, memory: x1.5}';

/** The rules of a job in their order, checked against each other. */
export function retryRules(): ValueType<readonly RetryRule[]> {
  const expected = 'a list of rules such as [{when: {exit: 75}, do: retry}]';
  return {
    expected,
    schema: {
      type: 'array',
      maxItems: MOST_RULES,
      items: {
        type: 'object',
        required: ['when', 'do'],
        additionalProperties: false,
        properties: { when: CONDITION_SCHEMA, ...ACTION_SCHEMAS },
      },
    },
    read(value, context) {
      const list = { what: 'rule', expected, expectedRecord: RULE_EXPECTED, most: MOST_RULES, read: readRule };
      const rules = readRecords(value, list, context);
      // Wrong rules would only confuse what is said of the right ones.
      if (rules === undefined || value.kind !== 'list') return undefined;
      const told = rules.map((_, at) =>
        tellConflict(rules, { value: value.items, at, context: recordContext(context, at, `rule ${at + 1}`) }),
      );
      return told.includes(true) ? undefined : rules;
    },
  };
}

/** `rule 2 (job.yaml:31)`. */
function nameOf({ place }: Located, index: number): string {
  return place.line === undefined ? `rule ${index + 1}` : `rule ${index + 1} (${basename(place.file)}:${place.line})`;
}

function readRule(item: LocatedMap, context: ReadContext, index: number): RetryRule | undefined {
  const when = readWhen(item, context);
  const action = readAction(item, context);
  if (when === undefined || action === undefined) return undefined;
  const useless = whyUseless({ when, action });
  return useless === null
    ? { name: nameOf(item, index), when, action }
    : context.problem(useless.why, { at: item, hint: useless.hint });
}

function readWhen(rule: LocatedMap, context: ReadContext): RetryRule['when'] | undefined {
  const entry = rule.entries.get('when');
  if (entry !== undefined) return readCondition(entry.value, context);
  const hint = 'A rule for every failure has when: {}';
  return context.problem(`found a rule without \`when\` (${describeFound(rule)}), expected ${RULE_EXPECTED}`, {
    at: rule,
    hint,
  });
}

/** True when there was something to tell. */
function tellConflict(
  rules: readonly RetryRule[],
  { value, at, context }: { readonly value: readonly Located[]; readonly at: number; readonly context: ReadContext },
): boolean {
  const conflict = conflictOf(rules, at);
  if (conflict === null) return false;
  const others = conflict.earlier.map((index) => {
    const otherLine = value[index]?.place.line;
    return otherLine === undefined ? `rule ${index + 1}` : `rule ${index + 1} on line ${otherLine}`;
  });
  context.problem(wordsOf(conflict, others.join(' and ')), {
    at: value[at] as Located,
    hint:
      conflict.kind === 'shadowed'
        ? 'The first rule that matches decides: put the narrower one first, or drop it'
        : 'The first rule that matches decides: keep one of the two',
  });
  return true;
}

function wordsOf({ kind, earlier }: RuleConflict, others: string): string {
  if (kind === 'repeats') return `repeats ${others}`;
  if (kind === 'contradicts') return `contradicts ${others}: the same condition, another action`;
  return `can never match: ${others} ${earlier.length === 1 ? 'matches' : 'together match'} everything it does`;
}
