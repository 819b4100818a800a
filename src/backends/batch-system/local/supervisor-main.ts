import { createSystemClock } from '../../clock.ts';
import { createHost } from '../../host.ts';
import { createSystemIds } from '../../random.ts';
import { messageOf } from '../../../errors/app-error.ts';
import { runSupervisor } from './supervisor.ts';

/** The process that `ensure-supervisor.ts` starts: `supervisor-main.js <root> <slots> <idle ms>`. Its output is the supervisor's log. */
const [root, slots, idleMs] = process.argv.slice(2);
if (root === undefined || slots === undefined || idleMs === undefined) throw new Error('usage: ROOT SLOTS IDLE_MS');

const clock = createSystemClock();
const log = (text: string): void => {
  process.stderr.write(`${new Date(clock.nowMs()).toISOString()} ${process.pid} ${text}\n`);
};
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
process.on('SIGINT', () => stop.abort());
// The end of the submitting shell's terminal must not end the jobs.
process.on('SIGHUP', () => {});

// Timers of the clock do not keep a process alive; waiting for work has to.
const keepAlive = setInterval(() => {}, 60_000);
try {
  const end = await runSupervisor({
    root,
    slots: Number(slots),
    idleMs: Number(idleMs),
    clock,
    host: createHost(),
    ids: createSystemIds(clock),
    log,
    signal: stop.signal,
  });
  log(`ends: ${end}`);
} catch (error) {
  log(`ends with an error: ${error instanceof Error ? error.stack : messageOf(error)}`);
  process.exitCode = 1;
} finally {
  clearInterval(keepAlive);
}
