import { parseArgs } from 'node:util';

/** What every server of `scripts/aws-servers run` understands, and flags of its own. */
export const serverOptions = (own = {}) =>
  parseArgs({ options: { port: { type: 'string', default: '0' }, 'while-stdin': { type: 'boolean' }, ...own } }).values;

/** Tells whoever started this process where it listens, and ends with them when they asked for it. */
export function announce(port, options) {
  process.stdout.write(`listening ${port}\n`);
  if (options['while-stdin'] === true) process.stdin.resume().on('end', () => process.exit(0));
}
