import { ALERT_KIND_NAMES, isMailAddress, type AlertKind, type AlertRule } from '../domain/alert-rule.ts';
import { RESOURCE_NAME } from '../domain/limit-rate.ts';
import { describeFound, shorten, type Located, type LocatedMap } from './located.ts';
import { suggestOneOf } from './near-miss.ts';
import { choice, readOneOrMore, wholeNumber } from './plain-types.ts';
import { readRecords } from './record-list.ts';
import { duration, percentage } from './unit-types.ts';
import { unexpected, type ReadContext, type ValueType } from './value-type.ts';

const MOST_RULES = 50;
const MOST_RECIPIENTS = 20;
const RULE_EXPECTED = 'an alert such as {when: failed, to: me@example.org}';
const MINUTE_MS = 60_000;

const kind = choice(ALERT_KIND_NAMES);
/** Looks are taken when a pass comes by, so that shorter times mean nothing. */
const time = duration({ minMs: MINUTE_MS });
const percent = percentage();
const count = wholeNumber({ min: 1, max: 1_000_000_000 });

type Figure = 'for' | 'within' | 'above';

/** What each kind may say beside `when` and `to`. */
const FIGURES: Readonly<Record<AlertKind, readonly (readonly [Figure, ValueType<number>])[]>> = {
  completed: [],
  failed: [],
  cancelled: [],
  ended: [],
  stall: [['for', time]],
  'queue-wait': [['for', time]],
  'error-rate': [['above', percent]],
  'error-spike': [
    ['above', count],
    ['within', time],
  ],
  retry: [['above', count]],
  timeout: [['above', count]],
  budget: [['above', count]],
  deadline: [['within', time]],
  quota: [['above', percent]],
};

/** Who is told what. */
export function alertRules(): ValueType<readonly AlertRule[]> {
  const expected = `a list of alerts such as [{when: failed, to: me@example.org}]`;
  const recipient = { type: 'string', minLength: 1 };
  return {
    expected,
    schema: {
      type: 'array',
      maxItems: MOST_RULES,
      items: {
        type: 'object',
        required: ['when', 'to'],
        additionalProperties: false,
        properties: {
          when: kind.schema,
          to: { anyOf: [recipient, { type: 'array', items: recipient, minItems: 1, maxItems: MOST_RECIPIENTS }] },
          for: time.schema,
          within: time.schema,
          above: { anyOf: [count.schema, percent.schema] },
        },
      },
    },
    read: (value, context) =>
      readRecords(
        value,
        { what: 'alert', expected, expectedRecord: RULE_EXPECTED, most: MOST_RULES, read: readRule },
        context,
      ),
  };
}

function readRule(item: LocatedMap, context: ReadContext): AlertRule | undefined {
  const when = required(item, 'when', context);
  const to = required(item, 'to', context);
  const found = when === undefined ? undefined : kind.read(when, context);
  const recipients = to === undefined ? undefined : readRecipients(to, context);
  // Without its kind nobody knows which figures an alert may have.
  if (found === undefined) return undefined;
  const figures = readFigures(item, found, context);
  return recipients === undefined || figures === undefined ? undefined : { when: found, to: recipients, ...figures };
}

function required(rule: LocatedMap, key: string, context: ReadContext): Located | undefined {
  const entry = rule.entries.get(key);
  if (entry !== undefined) return entry.value;
  return context.problem(`found an alert without \`${key}\` (${describeFound(rule)}), expected ${RULE_EXPECTED}`, {
    at: rule,
  });
}

function readRecipients(value: Located, context: ReadContext): readonly string[] | undefined {
  const expected = 'the name of a channel or an e-mail address, or a list of them';
  const read = (item: Located): string | undefined => {
    const found = item.kind === 'scalar' && typeof item.value === 'string' ? item.value : '';
    return isMailAddress(found) || RESOURCE_NAME.test(found) ? found : unexpected(item, expected, { context });
  };
  const all = readOneOrMore(value, read, { context, expected, what: 'recipients', most: MOST_RECIPIENTS });
  return all === undefined ? undefined : [...new Set(all)];
}

function readFigures(
  rule: LocatedMap,
  when: AlertKind,
  context: ReadContext,
): Pick<AlertRule, 'forMs' | 'withinMs' | 'above'> | undefined {
  const allowed = FIGURES[when];
  const names = ['when', 'to', ...allowed.map(([name]) => name)];
  let sound = true;
  for (const [key, entry] of rule.entries)
    if (!names.includes(key)) {
      sound = false;
      context.problem(`found \`${shorten(key)}\` in an alert for ${when}, which has no such key`, {
        at: entry.keyPlace,
        hint: suggestOneOf(key, names),
      });
    }
  const figures: { forMs?: number; withinMs?: number; above?: number } = {};
  for (const [name, type] of allowed) {
    const entry = rule.entries.get(name);
    const found = entry === undefined ? undefined : type.read(entry.value, context);
    if (entry !== undefined && found === undefined) sound = false;
    if (found !== undefined) figures[name === 'for' ? 'forMs' : name === 'within' ? 'withinMs' : 'above'] = found;
  }
  if (when === 'deadline' && !rule.entries.has('within')) {
    sound = false;
    context.problem('found a deadline without `within`, expected how long the job may take', {
      at: rule,
      hint: 'Write it as {when: deadline, within: 12h, to: me@example.org}',
    });
  }
  return sound ? figures : undefined;
}
