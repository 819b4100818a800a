import type { Command } from './define-command.ts';

type Load = () => Promise<readonly Command[]>;

const LOADS: Readonly<Record<string, Load>> = {
  init: async () => [(await import('./commands/init.ts')).init],
  plan: async () => [(await import('./commands/plan.ts')).plan],
  submit: async () => [(await import('./commands/submit.ts')).submit],
  advance: async () => [(await import('./commands/advance.ts')).advance],
  tick: async () => [(await import('./commands/tick.ts')).tick],
  aggregate: async () => [(await import('./commands/aggregate.ts')).aggregate],
  retry: async () => [(await import('./commands/retry.ts')).retry],
  pause: async () => [(await import('./commands/pause.ts')).pause],
  resume: async () => [(await import('./commands/resume.ts')).resume],
  cancel: async () => [(await import('./commands/cancel.ts')).cancel],
  status: async () => [(await import('./commands/status.ts')).status],
  explain: async () => [(await import('./commands/explain.ts')).explain],
  'analyze-errors': async () => [(await import('./commands/analyze-errors.ts')).analyzeErrors],
  report: async () => [(await import('./commands/report.ts')).report],
  dashboard: async () => [(await import('./commands/dashboard.ts')).dashboard],
  list: async () => [(await import('./commands/list.ts')).list],
  logs: async () => [(await import('./commands/logs.ts')).logs],
  events: async () => [(await import('./commands/events.ts')).events],
  metrics: async () => [(await import('./commands/metrics.ts')).metrics],
  results: async () => [(await import('./commands/results.ts')).results],
  doctor: async () => [(await import('./commands/doctor.ts')).doctor],
  health: async () => [(await import('./commands/health.ts')).health],
  gc: async () => [(await import('./commands/gc.ts')).gc],
  limit: async () => (await import('./commands/limit.ts')).limitCommands,
  pool: async () => (await import('./commands/pool.ts')).poolCommands,
  alert: async () => (await import('./commands/alert.ts')).alertCommands,
};

/** First words of all commands. */
export const COMMAND_WORDS: readonly string[] = Object.keys(LOADS);

/** The commands that begin with this word, without loading any other: most command lines need one. Null when none does. */
export const commandsOf = async (word: string): Promise<readonly Command[] | null> =>
  Object.hasOwn(LOADS, word) ? await (LOADS[word] as Load)() : null;
