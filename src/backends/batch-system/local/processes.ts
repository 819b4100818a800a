import { readFileSync, readdirSync } from 'node:fs';
import { errnoOf } from '../../shared/fs-errno.ts';
import type { Host } from '../../../ports/host.ts';

/** The part of a process name that is the same for all processes that share a boot and a pid namespace with this one. */
const realmOf = (processName: string): string => processName.slice(processName.lastIndexOf(':')).replace(/^:\d+/, '');

/** `Host.processName` of a child of this process; its start time is `0` where /proc does not tell. */
export function childProcessName(host: Host, pid: number): string {
  return `${host.hostname}:${pid}:${startOf(pid)}${realmOf(host.processName)}`;
}

function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may itself hold spaces and parentheses; 19 fields after the state comes the start time.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
  } catch {
    return '0';
  }
}

/** True when pids of `processName` mean something here: same host, boot and pid namespace. */
export const sharesPids = (host: Host, processName: string): boolean =>
  processName.startsWith(`${host.hostname}:`) && realmOf(processName) === realmOf(host.processName);

/** Signals a process (positive) or a process group (negative); one that is gone is fine. */
export function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH' && errnoOf(error) !== 'EPERM') throw error;
  }
}

/** Environment variable by which the processes of an element, and their children, are recognised: `<id>_<index>.<restart>`. */
export const ELEMENT_MARK = 'SLURMCTL_LOCAL_ELEMENT';

/** Processes of this user whose `ELEMENT_MARK` starts with `prefix`; none where there is no /proc. */
export function markedProcesses(prefix: string): number[] {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  const wanted = `${ELEMENT_MARK}=${prefix}`;
  return names
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && environmentHas(name, wanted))
    .map(Number);
}

function environmentHas(pid: string, start: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
      .split('\0')
      .some((entry) => entry.startsWith(start));
  } catch {
    return false;
  }
}
