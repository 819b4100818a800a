import { HOLDER_PATHS, poolPlaceKey } from '../domain/pool.ts';
import { isAppError } from '../errors/app-error.ts';
import type { StateCondition } from '../ports/state-table.ts';
import { leaveItem } from './pool-leave.ts';
import type { PoolDeps } from './pool-needs.ts';
import type { Silent } from './pool-silence.ts';
import { asSeen, holderOf } from './pool-take.ts';
import { freePlace, type Asker } from './pool-turn.ts';
import type { PoolView } from './pool-view.ts';

/** The place in line of one process. Nothing but the order hangs on it: what cannot be written is found out by the next look. */
export interface LinePlace {
  asker(): Asker;
  /** Forgets a place that is somebody else's by now: it was silent for too long, or never had it. */
  recognise(view: PoolView): void;
  /** Stands in line? */
  stands(): boolean;
  /** Goes to the end of the line. @throws STATE_* */
  join(view: PoolView, silent: Silent, leaseMs: number): Promise<void>;
  /** Says that somebody still waits, when a third of the lease has passed. Returns in how many milliseconds to say so again. @throws STATE_* */
  beat(): Promise<number>;
  /** It had its turn: it is behind all others with its next call. */
  used(): void;
  /** Leaves the line. Never throws for a table that does not answer. */
  leave(): Promise<void>;
  /** Takes those out of the line who were silent for a lease: whoever comes later would wait a lease behind them too. @throws STATE_* */
  clear(view: PoolView, silent: Silent): Promise<void>;
}

interface Standing {
  readonly number: number;
  readonly ticket: number;
  readonly owner: string;
  readonly leaseMs: number;
  /** Monotonic. */
  beatMs: number;
  isUsed: boolean;
}

interface Line {
  readonly pool: string;
  readonly deps: PoolDeps;
  place: Standing | null;
}

export function createLinePlace(pool: string, deps: PoolDeps): LinePlace {
  const priority = deps.priorities[pool] ?? 0;
  const line: Line = { pool, deps, place: null };
  return {
    asker: () => ({
      priority,
      place: line.place?.number ?? null,
      ticket: line.place === null || line.place.isUsed ? null : line.place.ticket,
      owner: line.place?.owner ?? '',
    }),
    recognise({ places }) {
      if (line.place !== null && places.get(line.place.number)?.owner !== line.place.owner) line.place = null;
    },
    stands: () => line.place !== null && !line.place.isUsed,
    join: (view, silent, leaseMs) => join(line, { view, silent, leaseMs }),
    beat: () => beat(line),
    used() {
      if (line.place !== null) line.place.isUsed = true;
    },
    leave: () => leave(line),
    clear: (view, silent) => clear(line, view, silent),
  };
}

const mine = ({ owner }: Standing): StateCondition => ({ op: 'equals', path: 'owner', value: owner });

async function join(
  line: Line,
  { view, silent, leaseMs }: { readonly view: PoolView; readonly silent: Silent; readonly leaseMs: number },
): Promise<void> {
  const { pool, deps, place } = line;
  const drawn = freePlace(view, silent.places, deps.random.next());
  // Whoever has a place that it has used goes on with it.
  const number = place?.number ?? drawn.number;
  const when = place === null ? asSeen(drawn.seen) : mine(place);
  const owner = deps.ids.token(20);
  const beatMs = deps.clock.monotonicMs();
  const next: Standing = { number, ticket: drawn.ticket, owner, leaseMs, beatMs, isUsed: false };
  const set = { ticket: next.ticket, ...holderOf(deps, { pool, owner, leaseMs }) };
  try {
    const { applied } = await deps.state.write(poolPlaceKey(pool, number), { set }, when);
    line.place = applied ? next : null;
  } catch (error) {
    if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
    line.place = next;
  }
}

async function beat(line: Line): Promise<number> {
  const { pool, deps, place } = line;
  if (place === null) return Infinity;
  const everyMs = place.leaseMs / 3;
  const begunMs = deps.clock.monotonicMs();
  const leftMs = place.beatMs + everyMs - begunMs;
  if (leftMs > 0) return leftMs;
  const set = { beat: deps.ids.token(8), beatMs: deps.clock.nowMs() };
  const { applied } = await deps.state.write(poolPlaceKey(pool, place.number), { set }, mine(place), {
    repeatable: true,
  });
  if (applied) place.beatMs = begunMs;
  else line.place = null;
  return everyMs;
}

async function leave(line: Line): Promise<void> {
  const { pool, deps, place } = line;
  line.place = null;
  if (place !== null) await leaveItem(deps, { key: poolPlaceKey(pool, place.number), owner: place.owner });
}

/** So many in one look; a fleet that died leaves many, and many find them. */
const MOST_CLEARED = 4;

async function clear({ pool, deps }: Line, { places }: PoolView, silent: Silent): Promise<void> {
  for (const number of [...silent.places].slice(0, MOST_CLEARED)) {
    const seen = places.get(number);
    if (seen !== undefined)
      await deps.state.write(poolPlaceKey(pool, number), { remove: HOLDER_PATHS }, asSeen(seen), { repeatable: true });
  }
}
