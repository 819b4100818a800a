import { createHost } from '../backends/host.ts';

/** Set by the script of an element to its own pid. */
const SCRIPT_PID = 'SLURMCTL_SCRIPT_PID';

/**
 * `Host.processName` of the script this element runs under; null when it runs under none. What the worker leaves on the node belongs to the script:
 * it outlives the worker, and until its end nobody else removes it.
 */
export function scriptProcess(env: NodeJS.ProcessEnv): string | null {
  const pid = Number(env[SCRIPT_PID]);
  return Number.isInteger(pid) && pid > 1 ? createHost({ pid }).processName : null;
}
