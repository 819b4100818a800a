import { setImmediate as nextTurn } from 'node:timers';

/** Something that happens at a moment of virtual time. */
export interface Scheduled {
  readonly atMs: number;
  cancel(): void;
}

/**
 * Time that passes only from one event to the next. Events of the same moment happen in the order in which they were made. After an event
 * that hands something to code under test, everything that only waits for microtasks runs before the next event.
 */
export interface VirtualTime {
  nowMs(): number;
  /** `wakes`: code under test may go on because of it, so that microtasks have to be drained afterwards. */
  after(ms: number, wakes: boolean, fn: () => void): Scheduled;
  /** Runs events until `isOver`, until there are none, or until the next one is later than `untilMs`. Returns why it ended. */
  run(untilMs: number, isOver: () => boolean): Promise<'over' | 'idle' | 'time'>;
  /** Events handled so far. */
  count(): number;
}

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly wakes: boolean;
  readonly fn: () => void;
  cancelled: boolean;
}

export function createVirtualTime(): VirtualTime {
  const heap: Entry[] = [];
  let nowMs = 0;
  let made = 0;
  let handled = 0;

  return {
    nowMs: () => nowMs,
    count: () => handled,
    after(ms, wakes, fn) {
      made += 1;
      // Rounded up: a timer that fires a hair too early would be set again at the same moment, for ever.
      const atMs = nowMs + Math.max(0, Math.ceil(ms * 1_000) / 1_000);
      const entry: Entry = { atMs, order: made, wakes, fn, cancelled: false };
      push(heap, entry);
      return {
        atMs,
        cancel() {
          entry.cancelled = true;
        },
      };
    },
    async run(untilMs, isOver) {
      await drained();
      while (!isOver()) {
        const next = pop(heap);
        if (next === undefined) return 'idle';
        if (next.cancelled) continue;
        if (next.atMs > untilMs) {
          push(heap, next);
          nowMs = untilMs;
          return 'time';
        }
        nowMs = next.atMs;
        handled += 1;
        next.fn();
        if (next.wakes) await drained();
      }
      return 'over';
    },
  };
}

/** Resolves when no microtask is left. */
const drained = (): Promise<void> => new Promise((resolve) => void nextTurn(resolve));

const isBefore = (a: Entry, b: Entry): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

function push(heap: Entry[], entry: Entry): void {
  let at = heap.length;
  heap.push(entry);
  while (at > 0) {
    const up = (at - 1) >> 1;
    const parent = heap[up] as Entry;
    if (!isBefore(entry, parent)) break;
    heap[at] = parent;
    at = up;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): Entry | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let down = at * 2 + 1;
    if (down >= heap.length) break;
    if (down + 1 < heap.length && isBefore(heap[down + 1] as Entry, heap[down] as Entry)) down += 1;
    if (!isBefore(heap[down] as Entry, last)) break;
    heap[at] = heap[down] as Entry;
    at = down;
  }
  heap[at] = last;
  return first;
}
