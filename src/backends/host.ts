import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';

import type { Host } from '../ports/host.ts';

/**
 * The third part of a process name is `<start>-<boot>-<pid namespace>`: start time in clock ticks since boot (field 22 of
 * /proc/<pid>/stat), eight characters of the boot id, and the inode of the pid namespace, because pids and start times mean
 * nothing across boots or containers. Each is `0` where /proc does not tell.
 */
interface HostSources {
  readonly hostname: string;
  readonly pid: number;
  readonly bootId: string;
  readonly pidNamespace: string;
  /** Start time and state letter of a process; null when there is none; undefined when this system does not tell. */
  readonly processStat: (pid: number) => { readonly start: string; readonly state: string } | null | undefined;
  /** False only when there is certainly no process with this pid. */
  readonly pidExists: (pid: number) => boolean;
}

/** @param overrides replaces what is read from the system, for tests */
export function createHost(overrides: Partial<HostSources> = {}): Host {
  const sources: HostSources = {
    hostname: hostname(),
    pid: process.pid,
    bootId: readText('/proc/sys/kernel/random/boot_id')?.slice(0, 8) ?? '0',
    pidNamespace: readPidNamespace(),
    processStat,
    pidExists,
    ...overrides,
  };
  const start = sources.processStat(sources.pid)?.start ?? '0';
  return {
    hostname: sources.hostname,
    user: userName(),
    processName: `${sources.hostname}:${sources.pid}:${start}-${sources.bootId}-${sources.pidNamespace}`,
    mayBeAlive: (processName) => mayBeAlive(processName, sources),
    cpuMs() {
      const usage = process.cpuUsage();
      return (usage.user + usage.system) / 1_000;
    },
    // The system counts it in KiB.
    maxRssBytes: () => process.resourceUsage().maxRSS * 1_024,
  };
}

/** Of the user this process runs as; -1 where users have no numbers. Unlike `userInfo` it needs no entry in the list of users. */
export const ownUid = (): number => process.getuid?.() ?? -1;

/** A container may run under a number that no user of it has. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

function mayBeAlive(processName: string, sources: HostSources): boolean {
  const match = /^(.+):(\d+):(\d+)-([^-:]+)-([^-:]+)$/.exec(processName);
  if (match === null) return true;
  const [, host, pid, start, bootId, pidNamespace] = match;
  if (host !== sources.hostname) return true;
  if (bootId !== '0' && sources.bootId !== '0' && bootId !== sources.bootId) return false;
  if (pidNamespace !== sources.pidNamespace) return true;
  const stat = sources.processStat(Number(pid));
  if (stat === null) return false;
  if (stat === undefined) return sources.pidExists(Number(pid));
  // A zombie runs no more code; it only waits for its parent to fetch the exit code.
  if (stat.state === 'Z' || stat.state === 'X') return false;
  return start === '0' || stat.start === start;
}

function processStat(pid: number): { start: string; state: string } | null | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === null) return readText('/proc/self/stat') === null ? undefined : null;
  // The second field is the program's name in parentheses and may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', start: fields[19] ?? '0' };
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Null when the file cannot be read: /proc is optional, and its files vanish with their process. */
function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function readPidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}
