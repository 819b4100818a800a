import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, statSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../../errors/app-error.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Host } from '../../../ports/host.ts';
import { cannotWrite, DISK_FULL_EXIT, diskFull } from './cannot-write.ts';
import { withoutBatchVariables } from './element-environment.ts';
import type { HostLayout } from './layout.ts';
import { isHeld, readHolder } from './lock.ts';

export interface SupervisorStart {
  readonly root: string;
  readonly layout: HostLayout;
  readonly slots: number;
  readonly idleMs: number;
  readonly clock: Clock;
  readonly host: Host;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Compiled entry file; absent: the one beside this file, or the one in dist/ for a file run from src/. */
  readonly entry?: string;
}

/** A cold start of Node on a slow shared disk can take long; a warm one takes less than 0.1 s. */
const UP_WITHIN_MS = 20_000;
const LOG_KEEPS_BYTES = 1024 ** 2;

/** The function that returns once somebody supervises this host. It starts a supervisor when nobody does. @throws BATCH_UNREACHABLE, STATE_FULL */
export function createEnsureSupervisor(start: SupervisorStart): () => Promise<void> {
  let underWay: Promise<void> | null = null;
  return () => {
    if (isHeld(readHolder(start.layout), start)) return Promise.resolve();
    underWay ??= startAndWait(start).finally(() => {
      underWay = null;
    });
    return underWay;
  };
}

async function startAndWait(start: SupervisorStart): Promise<void> {
  const child = startSupervisor(start);
  let failure: string | null = null;
  let ended = false;
  let full = false;
  child.once('error', (error) => {
    failure = error.message;
  });
  child.once('exit', (code, signal) => {
    ended = true;
    full = code === DISK_FULL_EXIT;
    if (code !== 0) failure = `it ended at once with ${code === null ? String(signal) : `exit code ${code}`}`;
  });
  const deadlineMs = start.clock.monotonicMs() + UP_WITHIN_MS;
  while (!isHeld(readHolder(start.layout), start)) {
    // It ends well at once when another one was quicker, which may itself have ended since: nothing was there to do.
    if (ended && failure === null) return;
    if (failure === null && start.clock.monotonicMs() > deadlineMs) failure = `it is not up after ${UP_WITHIN_MS} ms`;
    if (full) throw diskFull(start.root, 'no space or quota is left for its supervisor');
    if (failure !== null) throw notStarted(start, failure);
    await start.clock.sleep(5);
  }
}

const notStarted = (start: SupervisorStart, failure: string): AppError =>
  new AppError('BATCH_UNREACHABLE', {
    message: `the local scheduler cannot start its supervisor: ${failure}`,
    hint: `Look at ${start.layout.log}`,
  });

/** Told in place: who submits has to know what happened before and what after the submission was stored. */
function startSupervisor(start: SupervisorStart): ChildProcess {
  const entry = start.entry ?? defaultEntry();
  if (!existsSync(entry)) throw notStarted(start, `${entry} does not exist`);
  try {
    return spawnSupervisor(start, entry);
  } catch (error) {
    throw cannotWrite(start.root, error);
  }
}

function spawnSupervisor(start: SupervisorStart, entry: string): ChildProcess {
  const logFd = openSync(start.layout.log, 'a', 0o600);
  try {
    if (statSync(start.layout.log).size > LOG_KEEPS_BYTES) truncateSync(start.layout.log);
    const child = spawn(process.execPath, [entry, start.root, String(start.slots), String(start.idleMs)], {
      cwd: '/',
      detached: true,
      // The user's Node options are meant for their own programs; elements get them with their own environment.
      env: { ...withoutBatchVariables(start.env), NODE_OPTIONS: '' },
      stdio: ['ignore', logFd, logFd],
    });
    child.unref();
    return child;
  } finally {
    closeSync(logFd);
  }
}

function defaultEntry(): string {
  const here = fileURLToPath(import.meta.url);
  if (here.endsWith('.js')) return join(dirname(here), 'supervisor-main.js');
  const src = here.lastIndexOf('/src/');
  return join(`${here.slice(0, src)}/dist/${dirname(here.slice(src + '/src/'.length))}`, 'supervisor-main.js');
}
