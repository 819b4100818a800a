import { writeSync } from 'node:fs';
import { createSystemClock } from '../../clock.ts';
import { createHost } from '../../host.ts';
import { createSystemIds } from '../../random.ts';
import { troubleOf } from '../../shared/fs-errno.ts';
import { messageOf } from '../../../errors/app-error.ts';
import { DISK_FULL_EXIT } from './cannot-write.ts';
import { runSupervisor } from './supervisor.ts';

/** The process that `ensure-supervisor.ts` starts: `supervisor-main.js <root> <slots> <idle ms>`. Its output is the supervisor's log. */
const [root, slots, idleMs] = process.argv.slice(2);
if (root === undefined || slots === undefined || idleMs === undefined) throw new Error('usage: ROOT SLOTS IDLE_MS');

const clock = createSystemClock();
// A log that the disk does not take must not cost the elements their supervisor: what Node itself says, and what is said here.
process.stderr.on('error', () => {});
const log = (text: string): void => {
  try {
    writeSync(process.stderr.fd, `${new Date(clock.nowMs()).toISOString()} ${process.pid} ${text}\n`);
  } catch {
    // Nobody is left to be told.
  }
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
  process.exitCode = troubleOf(error) === 'full' ? DISK_FULL_EXIT : 1;
} finally {
  clearInterval(keepAlive);
}
