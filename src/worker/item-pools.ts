/** The pools of a job, as each try at an item meets them. */
import type { JobPool } from '../domain/pool.ts';
import { AppError, messageOf } from '../errors/app-error.ts';
import type { Clock } from '../ports/clock.ts';
import type { HandlerResult, HandlerSlot, ItemSlot } from '../ports/handler-host.ts';
import type { Pools, PoolSlot } from '../ports/limiter.ts';
import type { Log } from '../ports/log.ts';
import type { FailedTry } from './item-limits.ts';
import type { TryResult } from './try-slots.ts';

export interface ItemPools {
  begin(): TryPools;
}

/** One try. */
export interface TryPools {
  /** False: there is no slot to wait for before the try begins. */
  readonly takesSlots: boolean;
  /**
   * Waits for a slot of every pool whose slots the worker takes. All jobs take theirs in the order of the names, so that no two of them wait for each other.
   * @throws what `acquire` throws; the reason of `signal`. Nothing is held then
   */
  enter(signal: AbortSignal): Promise<void>;
  /** False: a slot was lost before the try began. */
  holdsAll(): boolean;
  /** The handler is not called for now: others may have the slots. */
  forgo(): void;
  slots(): Readonly<Record<string, ItemSlot>>;
  /** The try has had a slot of whatever pool. */
  hasSlots(): boolean;
  /** For the handler. @throws POOL_UNKNOWN, what `acquire` throws */
  pool(name: string, signal: () => AbortSignal): Promise<HandlerSlot>;
  /**
   * Runs the handler with the slots, which stay with it until it has ended in truth: one that goes on after its timeout may still use what they stand for.
   * `fail`: ends the try by the loss of a slot.
   */
  during(run: () => Promise<HandlerResult>, fail: (failed: FailedTry) => void): Promise<HandlerResult>;
  /** The try is over, if not its handler. Returns the result as it counts. */
  leave(result: TryResult): TryResult;
}

interface Needs {
  readonly listed: readonly JobPool[];
  readonly pools: Pools;
  readonly log: Log;
  readonly clock: Pick<Clock, 'sleep'>;
}

/** @param needs.listed those of the job. @param needs.pools absent: only for jobs that list none */
export function createItemPools(
  needs: Pick<Needs, 'listed' | 'log' | 'clock'> & { readonly pools: Pools | undefined },
): ItemPools {
  const { listed, pools, log, clock } = needs;
  if (listed.length === 0) return NO_POOLS;
  if (pools === undefined) throw new Error('a job that names pools runs without them');
  return { begin: () => createTryPools({ listed, pools, log, clock }) };
}

const NO_SLOTS: Readonly<Record<string, ItemSlot>> = {};
const NO_TRY: TryPools = {
  takesSlots: false,
  enter: () => Promise.resolve(),
  holdsAll: () => true,
  forgo() {},
  slots: () => NO_SLOTS,
  hasSlots: () => false,
  pool: (name) => Promise.reject(notListed(name, [])),
  during: (run) => run(),
  leave: (result) => result,
};

/** For jobs that list no pools. */
export const NO_POOLS: ItemPools = { begin: () => NO_TRY };

const notListed = (name: unknown, listed: readonly JobPool[]): AppError => {
  const names = listed.length === 0 ? 'no pools' : listed.map((pool) => pool.name).join(', ');
  return new AppError('POOL_UNKNOWN', {
    message: `the handler names the pool ${JSON.stringify(name) ?? String(name)}; the job lists ${names}`,
    hint: `Add it to pools in the job file: pools: [{name: ${String(name)}}]`,
  });
};

/** What a try knows of itself. */
interface TryState {
  /** By pool: the slots around the try. */
  readonly own: Map<string, PoolSlot>;
  /** Those that the handler asked for. */
  readonly asked: Set<PoolSlot>;
  /** Aborted when the handler has ended. */
  readonly over: AbortController;
  handler: 'not begun' | 'running' | 'ended';
}

function createTryPools(needs: Needs): TryPools {
  const taken = needs.listed.filter(({ per }) => per === 'item').map(({ name }) => name);
  const state: TryState = { own: new Map(), asked: new Set(), over: new AbortController(), handler: 'not begun' };
  const forgo = (): void => giveBack(state);
  return {
    takesSlots: taken.length > 0,
    async enter(signal) {
      try {
        for (const name of taken.toSorted()) state.own.set(name, await needs.pools.acquire(name, signal));
      } catch (error) {
        forgo();
        throw error;
      }
    },
    holdsAll: () => [...state.own.values()].every(({ signal }) => !signal.aborted),
    forgo,
    slots: () => Object.fromEntries([...state.own].map(([name, { index, fence }]) => [name, { index, fence }])),
    hasSlots: () => state.own.size + state.asked.size > 0,
    pool: (name, signal) => askFor(needs, state, { name, signal }),
    during: (run, fail) => runWith(needs, state, { run, fail }),
    leave(result) {
      if (state.handler === 'running') stayWithHandler(needs, state);
      if (result === 'dropped' || result.ok) return result;
      const lost = [...state.asked].find(
        ({ signal }) => signal.aborted && result.errorMessage.includes(messageOf(signal.reason)),
      );
      return lost === undefined ? result : { ...result, ...lossOf(lost) };
    },
  };
}

function giveBack({ own, asked }: TryState): void {
  // Never rejects for a table that does not answer; closing the pools waits for it.
  for (const slot of [...own.values(), ...asked]) void slot.release();
  own.clear();
  asked.clear();
}

async function askFor(
  { listed, pools }: Needs,
  state: TryState,
  { name, signal }: { readonly name: string; readonly signal: () => AbortSignal },
): Promise<HandlerSlot> {
  if (!listed.some((pool) => pool.name === name)) throw notListed(name, listed);
  state.over.signal.throwIfAborted();
  const own = state.own.get(name);
  if (own !== undefined) return ofTheTry(own);
  const slot = await pools.acquire(name, AbortSignal.any([signal(), state.over.signal]));
  // An answer that comes together with the end is nobody's any more.
  if (state.over.signal.aborted) await slot.release();
  state.over.signal.throwIfAborted();
  state.asked.add(slot);
  return slot;
}

/** A second slot of the same pool could be one that nobody can give; giving it back is the worker's. */
const ofTheTry = ({ index, fence, signal }: PoolSlot): HandlerSlot => {
  const release = (): Promise<void> => Promise.resolve();
  return { index, fence, signal, release, [Symbol.asyncDispose]: release };
};

const lossOf = ({ signal }: PoolSlot): FailedTry => ({
  ok: false,
  cause: 'slot-lost',
  errorClass: 'POOL_SLOT_LOST',
  errorMessage: messageOf(signal.reason),
});

async function runWith(
  { clock }: Needs,
  state: TryState,
  { run, fail }: { readonly run: () => Promise<HandlerResult>; readonly fail: (failed: FailedTry) => void },
): Promise<HandlerResult> {
  state.handler = 'running';
  for (const slot of state.own.values()) {
    const lose = (): void => fail(lossOf(slot));
    if (slot.signal.aborted) lose();
    else slot.signal.addEventListener('abort', lose, { once: true });
  }
  try {
    return await run();
  } finally {
    state.handler = 'ended';
    state.over.abort(new Error('the handler has returned'));
    // A moment later the next item of this process has asked for a slot, which may have this one without much ado.
    void clock.sleep(0).then(() => giveBack(state));
  }
}

/** Nothing but the end of the process ends such a handler for certain. */
function stayWithHandler({ log }: Needs, { own, asked }: TryState): void {
  const slots = [...own.values(), ...asked];
  if (slots.length === 0) return;
  log.warn('a handler goes on after its end and keeps its slots', { pools: [...own.keys()], slots: slots.length });
  for (const slot of slots) slot.keep();
}
