import type { Chance } from './chance.ts';

/** A host: its clocks, its disk, and what it can reach. */
export interface SimNode {
  readonly name: string;
  readonly clock: SimClock;
  /** Files of its local disk. */
  readonly disk: Map<string, Uint8Array>;
  diskFull: boolean;
  /** Ports it cannot reach. */
  readonly cut: Set<string>;
  /** Handlers cannot be loaded here. */
  broken: boolean;
  /** The batch system starts nothing here. */
  down: boolean;
}

export interface SimClock {
  wallMs(virtualMs: number): number;
  monotonicMs(virtualMs: number): number;
  /** How long `ms` of this clock take in virtual time. */
  virtualMs(ms: number): number;
  /** Sets the wall clock by this much. */
  step(ms: number): void;
}

const EPOCH_MS = 1_700_000_000_000;

export function createNode(name: string, clock: SimClock): SimNode {
  return { name, clock, disk: new Map(), diskFull: false, cut: new Set(), broken: false, down: false };
}

/** @param off largest offset of the wall clock; @param drift largest share by which it runs fast or slow */
export function createSimClock(chance: Chance, off: number, drift: number): SimClock {
  let offsetMs = Math.round(chance.between(-off, off));
  const rate = 1 + chance.between(-drift, drift);
  const bootMs = chance.whole(1_000, 1_000_000);
  return {
    wallMs: (virtualMs) => Math.floor(EPOCH_MS + offsetMs + virtualMs * rate),
    monotonicMs: (virtualMs) => bootMs + virtualMs * rate,
    virtualMs: (ms) => ms / rate,
    step: (ms) => {
      offsetMs += ms;
    },
  };
}
