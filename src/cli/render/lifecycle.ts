import type { LifecycleEventDocument } from '../../app/lifecycle-documents.ts';
import { printable } from './text.ts';
import type { View } from './view.ts';

type Kind = LifecycleEventDocument['kind'];

const BAD: readonly Kind[] = ['failed', 'task-failed', 'array-refused', 'cancelled', 'result-corrupt'];
const WARN: readonly Kind[] = [
  'task-retrying',
  'task-preempted',
  'failures-held-back',
  'node-avoided',
  'waiting',
  'paused',
  'completed-with-failures',
];
const GOOD: readonly Kind[] = ['completed', 'published'];
const KIND_WIDTH = 18;

/** `<time> <kind> <words>` on one line; `~` before a time that nobody wrote down. */
export function renderLifecycleEvent({ at, exact, kind, text, by }: LifecycleEventDocument, { style }: View): string {
  const paint = BAD.includes(kind)
    ? style.bad
    : WARN.includes(kind)
      ? style.warn
      : GOOD.includes(kind)
        ? style.good
        : style.info;
  const who = by === undefined ? '' : style.dim(` (${printable(by)})`);
  const time = style.dim(`${exact ? ' ' : '~'}${at.slice(0, 19).replace('T', ' ')}`);
  return `${time} ${paint(kind.padEnd(KIND_WIDTH))} ${printable(text)}${who}\n`;
}
