import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../../ports/clock.ts';
import type { Host } from '../../../ports/host.ts';
import { createFile, readIfThere } from './files.ts';
import type { HostLayout } from './layout.ts';
import { sharesPids } from './processes.ts';
import { listNumbers } from './store-submission.ts';

/**
 * Who supervises a host's submissions. Lock files are numbered, created whole and never changed; the highest number counts. Taking
 * over from a dead holder is creating the next number, which only one process can do; lower numbers are litter. A
 * holder steps down by creating the next number itself, without a name in it.
 */
export interface Holder {
  readonly generation: number;
  /** `Host.processName` of the supervisor; null: nobody, the last one stepped down. */
  readonly process: string | null;
  readonly slots: number;
  /** When the holder last showed that it lives, epoch ms. */
  readonly seenMs: number;
}

export interface LockContext {
  readonly host: Host;
  readonly clock: Pick<Clock, 'nowMs'>;
}

interface LockFile {
  readonly process: string | null;
  readonly slots: number;
}

export const lockPath = (layout: HostLayout, generation: number): string => join(layout.lock, String(generation));

export function readHolder(layout: HostLayout): Holder | null {
  for (;;) {
    const generation = Math.max(0, ...listNumbers(layout.lock));
    if (generation === 0) return null;
    const path = lockPath(layout, generation);
    const text = readIfThere(path);
    const seenMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    // Absent: a successor removed it between the listing and the reading, so that a higher number exists.
    if (text !== null && seenMs !== undefined) return { generation, seenMs, ...(JSON.parse(text) as LockFile) };
  }
}

/** A holder whose pid means nothing here (another container with this host name) is given up after this long without a sign of life. */
export const SILENT_AFTER_MS = 120_000;
export const SIGN_OF_LIFE_EVERY_MS = 15_000;

/** Is somebody supervising, as far as this host can tell? */
export function isHeld(holder: Holder | null, context: LockContext): holder is Holder & { process: string } {
  if (holder === null || holder.process === null || !context.host.mayBeAlive(holder.process)) return false;
  return sharesPids(context.host, holder.process) || context.clock.nowMs() - holder.seenMs < SILENT_AFTER_MS;
}

/** Becomes the holder when nobody alive is; returns the generation, or null when somebody else is or got there first. */
export function takeLock(layout: HostLayout, context: LockContext, slots: number, unique: string): number | null {
  const before = readHolder(layout);
  if (isHeld(before, context)) return null;
  const generation = (before?.generation ?? 0) + 1;
  if (!createGeneration(layout, generation, { process: context.host.processName, slots }, unique)) return null;
  return generation;
}

/** Steps down. False when the lock is no longer this generation's. */
export function releaseLock(layout: HostLayout, generation: number, slots: number, unique: string): boolean {
  return createGeneration(layout, generation + 1, { process: null, slots }, unique);
}

function createGeneration(layout: HostLayout, generation: number, content: LockFile, unique: string): boolean {
  if (!createFile(lockPath(layout, generation), JSON.stringify(content), unique)) return false;
  const all = listNumbers(layout.lock);
  // Whoever stalled between reading and creating may have created a number that others took and removed long ago.
  if (Math.max(...all) > generation) {
    rmSync(lockPath(layout, generation), { force: true });
    return false;
  }
  for (const older of all) if (older < generation) rmSync(lockPath(layout, older), { force: true });
  return true;
}

/** Files of takers that died while creating a number. */
export function removeLitter(layout: HostLayout): void {
  for (const name of readdirSync(layout.lock)) {
    if (name.startsWith('.')) rmSync(join(layout.lock, name), { force: true });
  }
}
