import type { Command } from './define-command.ts';
import { alertCommands } from './commands/alert.ts';
import { advance } from './commands/advance.ts';
import { aggregate } from './commands/aggregate.ts';
import { analyzeErrors } from './commands/analyze-errors.ts';
import { cancel } from './commands/cancel.ts';
import { dashboard } from './commands/dashboard.ts';
import { doctor } from './commands/doctor.ts';
import { events } from './commands/events.ts';
import { explain } from './commands/explain.ts';
import { gc } from './commands/gc.ts';
import { health } from './commands/health.ts';
import { init } from './commands/init.ts';
import { limitCommands } from './commands/limit.ts';
import { poolCommands } from './commands/pool.ts';
import { list } from './commands/list.ts';
import { logs } from './commands/logs.ts';
import { metrics } from './commands/metrics.ts';
import { pause } from './commands/pause.ts';
import { plan } from './commands/plan.ts';
import { results } from './commands/results.ts';
import { report } from './commands/report.ts';
import { resume } from './commands/resume.ts';
import { retry } from './commands/retry.ts';
import { status } from './commands/status.ts';
import { submit } from './commands/submit.ts';
import { tick } from './commands/tick.ts';

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  init,
  plan,
  submit,
  advance,
  tick,
  aggregate,
  retry,
  pause,
  resume,
  cancel,
  status,
  explain,
  analyzeErrors,
  report,
  dashboard,
  list,
  logs,
  events,
  metrics,
  results,
  doctor,
  health,
  gc,
  ...limitCommands,
  ...poolCommands,
  ...alertCommands,
];
