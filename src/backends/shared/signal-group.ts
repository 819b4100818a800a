/**
 * Signals a process group. Never throws: it is called from timers and event handlers, where nobody could catch it. A group that is gone is what was
 * wanted; one that is another user's, as under `sudo`, cannot be signalled, and the caller has to go on without its end.
 */
export function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // See above.
  }
}
