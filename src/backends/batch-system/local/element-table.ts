import type { ElementEvent, EndWord, KillReason } from './events.ts';

export interface ElementRecord {
  readonly phase: 'waiting' | 'running' | 'ended';
  readonly restarts: number;
  readonly how?: EndWord;
  readonly exit?: number;
  readonly signal?: number;
  readonly note?: string;
  /** While running: the process, absent in the moment between the decision to start it and its birth. */
  readonly pid?: number;
  /** `Host.processName` of it. */
  readonly process?: string;
  /** While running: the supervisor has begun to end it, for this reason. */
  readonly killing?: KillReason;
}

/** The state of a submission's elements: what its journal says so far. Only elements that left their first wait take memory. */
export interface ElementTable {
  readonly count: number;
  readonly held: boolean;
  /** Most elements that may run at once; Infinity without a throttle. */
  readonly throttle: number;
  readonly running: ReadonlySet<number>;
  readonly started: boolean;
  readonly ended: boolean;
  get(index: number): ElementRecord;
  apply(event: ElementEvent): void;
  /** The element to start next: requeued ones first, then by index; null when none waits. */
  nextWaiting(): number | null;
  /** Waiting elements among `indices` (all when absent) as ranges, both ends included. */
  waitingRanges(indices?: readonly number[]): [number, number][];
}

const FRESH: ElementRecord = { phase: 'waiting', restarts: 0 };

interface Inner {
  records: Map<number, ElementRecord>;
  again: number[];
  cursor: number;
  endedCount: number;
  held: boolean;
  throttle: number;
  started: boolean;
  running: Set<number>;
}

export function createElementTable(count: number, throttle = Infinity): ElementTable {
  const inner: Inner = {
    records: new Map(),
    again: [],
    cursor: 0,
    endedCount: 0,
    held: false,
    throttle,
    started: false,
    running: new Set(),
  };
  const get = (index: number): ElementRecord => inner.records.get(index) ?? FRESH;
  return {
    count,
    get held() {
      return inner.held;
    },
    get throttle() {
      return inner.throttle;
    },
    get started() {
      return inner.started;
    },
    get ended() {
      return inner.endedCount >= count;
    },
    running: inner.running,
    get,
    apply: (event) => applyEvent(inner, count, event),
    nextWaiting: () => nextWaiting(inner, count),
    waitingRanges: (indices) => rangesOf(waitingAmong(inner, count, indices)),
  };
}

function applyEvent(inner: Inner, count: number, event: ElementEvent): void {
  if (event.e === 'hold') inner.held = event.on;
  else if (event.e === 'throttle') inner.throttle = event.most > 0 ? event.most : Infinity;
  else if (event.e === 'end') {
    for (let index = event.i; index <= (event.to ?? event.i); index += 1) end(inner, count, index, event);
  } else if (event.i < count) applyToElement(inner, event);
}

function end(inner: Inner, count: number, index: number, event: ElementEvent & { e: 'end' }): void {
  const before = inner.records.get(index) ?? FRESH;
  if (before.phase === 'ended' || index >= count) return;
  inner.endedCount += 1;
  inner.running.delete(index);
  inner.records.set(index, {
    phase: 'ended',
    restarts: before.restarts,
    how: event.how,
    ...(event.exit === undefined ? {} : { exit: event.exit }),
    ...(event.signal === undefined ? {} : { signal: event.signal }),
    ...(event.note === undefined ? {} : { note: event.note }),
  });
}

function applyToElement(inner: Inner, event: Extract<ElementEvent, { e: 'start' | 'pid' | 'kill' | 'requeue' }>): void {
  const before = inner.records.get(event.i) ?? FRESH;
  switch (event.e) {
    case 'start':
      if (before.phase !== 'waiting') return;
      inner.started = true;
      inner.running.add(event.i);
      inner.records.set(event.i, { phase: 'running', restarts: event.restart });
      return;
    case 'pid':
      if (before.phase === 'running') inner.records.set(event.i, { ...before, pid: event.pid, process: event.process });
      return;
    case 'kill':
      if (before.phase === 'running') inner.records.set(event.i, { ...before, killing: event.why });
      return;
    case 'requeue':
      if (before.phase !== 'running') return;
      inner.running.delete(event.i);
      inner.records.set(event.i, { phase: 'waiting', restarts: before.restarts + 1, note: event.why });
      inner.again.push(event.i);
      return;
  }
}

function nextWaiting(inner: Inner, count: number): number | null {
  const isWaiting = (index: number): boolean => (inner.records.get(index) ?? FRESH).phase === 'waiting';
  while (inner.again.length > 0) {
    const index = inner.again[0] as number;
    if (isWaiting(index)) return index;
    inner.again.shift();
  }
  while (inner.cursor < count && !isWaiting(inner.cursor)) inner.cursor += 1;
  return inner.cursor < count ? inner.cursor : null;
}

function waitingAmong(inner: Inner, count: number, indices: readonly number[] | undefined): number[] {
  const all = indices === undefined ? Array.from({ length: count }, (_, index) => index) : [...new Set(indices)];
  return all
    .filter((index) => index >= 0 && index < count && (inner.records.get(index) ?? FRESH).phase === 'waiting')
    .toSorted((a, b) => a - b);
}

/** Consecutive runs of sorted whole numbers. */
export function rangesOf(sorted: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const index of sorted) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === index - 1) last[1] = index;
    else ranges.push([index, index]);
  }
  return ranges;
}
