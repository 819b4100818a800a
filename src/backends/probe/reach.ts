/** The first line about a service: where it is and how fast it answers. */

import type { Asking } from './asking.ts';
import { doubtful, fine, type Verdict } from './verdict.ts';

/** A task takes about six requests, one after the other. */
const SLOW_MS = 500;

export function judgeReach(about: { name: string; place: string; server: string; asking: Asking }): Verdict {
  const { name, place, server } = about;
  const typicalMs = about.asking.typicalMs() ?? 0;
  const found = `${place} at ${server} answers in ${typicalMs < 10 ? typicalMs.toFixed(1) : Math.round(typicalMs)} ms`;
  return typicalMs <= SLOW_MS
    ? fine(name, found)
    : doubtful(name, found, 'Expect slow tasks; choose a service nearer to this host, or larger batches');
}
