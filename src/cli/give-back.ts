/** What a process that ends in the middle of a picture owes the terminal. */
import { writeSync } from 'node:fs';

const SHOW_CURSOR = '\u001b[?25h';

/** Shows the cursor, which pictures and bars hide while they are drawn. Written at once: nothing that is queued is written any more. */
export function giveTerminalBack(
  streams: readonly { readonly isTTY: boolean; readonly fd: number }[],
  env: NodeJS.ProcessEnv,
  write: (fd: number, text: string) => unknown = writeSync,
): void {
  const terminal = streams.find(({ isTTY }) => isTTY);
  if (terminal === undefined || env['TERM'] === 'dumb') return;
  try {
    write(terminal.fd, SHOW_CURSOR);
  } catch {
    // A terminal that is gone has no cursor.
  }
}
