import { CAUSES, type Cause } from '../../domain/causes.ts';
import { isCorruptRecord, type AttemptRecord, type CorruptRecord } from '../../domain/history.ts';
import { redactText } from '../../domain/redact.ts';
import type { TaskItem } from '../../domain/task-item.ts';
import type { Retries } from './document.ts';
import { clipLine } from './plain-text.ts';

const MOST_PER_TASK = 6;
const EXAMPLE_CHARS = 300;
const MOST_RULES = 100;

type CauseRow = Retries['causes'][number];
type DecisionRow = Retries['decisions'][number];

export interface RetryCounter {
  task(item: Pick<TaskItem, 'attempts' | 'escalations' | 'state' | 'cause'>): void;
  record(task: string, record: AttemptRecord | CorruptRecord): void;
  retries(): Retries;
}

/** Adds up what ended without a result, and what was decided. */
export function createRetryCounter(): RetryCounter {
  const causes = new Map<Cause, CauseRow>();
  const decisions = new Map<string, DecisionRow>();
  const waiting = new Map<Cause, number>();
  const perTask = Array.from<number>({ length: MOST_PER_TASK }).fill(0);
  const cost = { attempts: 0, escalations: 0 };
  return {
    task({ attempts, escalations = 0, state, cause = 'unknown' }) {
      cost.attempts += attempts;
      cost.escalations += escalations;
      if (attempts > 0) {
        const place = Math.min(attempts, MOST_PER_TASK) - 1;
        perTask[place] = (perTask[place] ?? 0) + 1;
      }
      if (state === 'WAIT') waiting.set(cause, (waiting.get(cause) ?? 0) + 1);
    },
    record(task, record) {
      if (isCorruptRecord(record)) return;
      const { cause, charged, detail, decision, rule } = record;
      const known = causes.get(cause);
      causes.set(cause, {
        cause,
        explanation: CAUSES[cause].explanation,
        attempts: (known?.attempts ?? 0) + 1,
        charged: (known?.charged ?? 0) + (charged ? 1 : 0),
        example: `task ${task}: ${clipLine(redactText(detail), EXAMPLE_CHARS)}`,
      });
      const key = `${decision}\n${rule}`;
      const made = decisions.get(key);
      if (made === undefined && decisions.size >= MOST_RULES) return;
      decisions.set(key, { decision, rule: clipLine(rule, EXAMPLE_CHARS), attempts: (made?.attempts ?? 0) + 1 });
    },
    retries: () => ({
      ...cost,
      causes: mostFirst(causes.values()),
      decisions: mostFirst(decisions.values()),
      perTask,
      waiting: [...waiting].map(([cause, tasks]) => ({ cause, tasks })).toSorted((a, b) => b.tasks - a.tasks),
    }),
  };
}

const mostFirst = <T extends { readonly attempts: number }>(rows: Iterable<T>): T[] =>
  [...rows].toSorted((a, b) => b.attempts - a.attempts);
