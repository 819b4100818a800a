/**
 * The right to be the one who works on something. A lock item in the state table holds owner, nonce and a fence
 * that only grows; it is never deleted. A contender steals only after it watched the nonce stay unchanged for a whole lease on its own
 * monotonic clock, so clocks of different hosts are never compared (the scheme of Amazon's DynamoDB lock client, plus the fence that scheme
 * lacks). An owner on the same host whose process is gone is replaced at once.
 *
 * The lease is for efficiency; what makes two holders harmless is that every write behind it is conditional.
 */
import { AppError, isAppError } from '../errors/app-error.ts';
import type { JobId } from '../domain/ids.ts';
import { lockKey } from '../domain/state-keys.ts';
import type { Clock } from '../ports/clock.ts';
import type { Host } from '../ports/host.ts';
import type { Ids } from '../ports/random.ts';
import type { StateItem, StateTable } from '../ports/state-table.ts';

export const LEASE_MS = 30_000;
const RENEW_EVERY_MS = LEASE_MS / 3;
const LOOK_AGAIN_MS = 500;

/** The lease of whoever advances the job. */
export const advanceLeaseName = (job: JobId): string => `advance:${job}`;

export interface LeaseDeps {
  readonly state: StateTable;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly host: Host;
}

export interface Lease {
  readonly fence: number;
  /** @throws LEASE_LOST when somebody else holds it, or nobody could renew it for a whole lease. */
  assertHeld(): void;
  release(): Promise<void>;
}

/**
 * What a contender knows of a holder. A contender that never waits but comes again (a poll, a tick) keeps it from one try to the next, and
 * so finds out that the holder is dead all the same.
 */
export interface LeaseWatch {
  nonce: string;
  /** Monotonic ms since which the nonce has not changed. */
  sinceMs: number;
  /** The holder renewed the lease while it was watched. */
  sawLife: boolean;
}

export const createLeaseWatch = (): LeaseWatch => ({ nonce: '', sinceMs: 0, sawLife: false });

type LockItem = { held: boolean; owner: string; nonce: string; fence: number };

/**
 * @param waitMs how long to wait for another holder before LEASE_HELD
 * @throws LEASE_HELD naming the holder
 */
export async function acquireLease(
  deps: LeaseDeps,
  request: {
    readonly name: string;
    readonly waitMs: number;
    readonly signal?: AbortSignal;
    readonly watch?: LeaseWatch;
  },
): Promise<Lease> {
  const startedMs = deps.clock.monotonicMs();
  const watched = request.watch ?? createLeaseWatch();
  for (;;) {
    const seen = (await deps.state.get(lockKey(request.name))) as LockItem | null;
    const nowMs = deps.clock.monotonicMs();
    if (seen !== null && seen.held && seen.nonce !== watched.nonce)
      Object.assign(watched, { nonce: seen.nonce, sinceMs: nowMs, sawLife: watched.nonce !== '' });
    if (isFree(deps, seen, nowMs - watched.sinceMs)) {
      const lease = await tryTake(deps, request.name, seen);
      if (lease !== null) return lease;
      continue;
    }
    if (nowMs - startedMs >= request.waitMs) throw heldError(request.name, seen as LockItem);
    await deps.clock.sleep(LOOK_AGAIN_MS, request.signal);
  }
}

function isFree(deps: LeaseDeps, lock: LockItem | null, unchangedMs: number): boolean {
  if (lock === null || !lock.held) return true;
  return unchangedMs >= LEASE_MS || !deps.host.mayBeAlive(lock.owner);
}

function heldError(name: string, lock: LockItem): AppError {
  const [hostname, pid] = lock.owner.split(':');
  return new AppError('LEASE_HELD', {
    message: `${name} is held by process ${pid} on ${hostname}`,
    hint: `Wait for that process; if it died, its lease ends within ${LEASE_MS / 1_000} s and the same command goes on`,
    details: { owner: lock.owner },
  });
}

/** Null when somebody else was faster. */
async function tryTake(deps: LeaseDeps, name: string, seen: LockItem | null): Promise<Lease | null> {
  const key = lockKey(name);
  const owner = deps.host.processName;
  const fence = (seen?.fence ?? 0) + 1;
  const nonce = deps.ids.token(16);
  const lock: LockItem = { held: true, owner, nonce, fence };
  const unchanged =
    seen === null
      ? ({ op: 'item-absent' } as const)
      : ({
          op: 'and',
          of: [
            { op: 'equals', path: 'fence', value: seen.fence },
            { op: 'equals', path: 'nonce', value: seen.nonce },
          ],
        } as const);
  const taken = await appliedOrMine(deps.state, { key, set: lock, when: unchanged, nonce });
  return taken ? holdLease(deps, name, lock) : null;
}

function holdLease(deps: LeaseDeps, name: string, lock: LockItem): Lease {
  const key = lockKey(name);
  const mine = { op: 'and', of: [ownerIs(lock.owner), { op: 'equals', path: 'fence', value: lock.fence }] } as const;
  let lost = false;
  let renewedMs = deps.clock.monotonicMs();
  const renew = async (): Promise<void> => {
    const nonce = deps.ids.token(16);
    const atMs = deps.clock.monotonicMs();
    const kept = await appliedOrMine(deps.state, { key, set: { nonce }, when: mine, nonce });
    if (kept) renewedMs = atMs;
    else lost = true;
  };
  // A failed renewal is not the end: the next one may succeed while the lease still lasts; assertHeld watches the time.
  const stopRenewing = deps.clock.every(RENEW_EVERY_MS, () => void renew().catch(() => undefined));
  return {
    fence: lock.fence,
    assertHeld() {
      if (lost || deps.clock.monotonicMs() - renewedMs >= LEASE_MS)
        throw new AppError('LEASE_LOST', { message: `lost the lease on ${name}` });
    },
    async release() {
      stopRenewing();
      await deps.state.write(key, { set: { held: false } }, mine).catch((error: unknown) => {
        if (!isAppError(error)) throw error; // an unreleased lease ends by itself
      });
    },
  };
}

const ownerIs = (owner: string) => ({ op: 'equals', path: 'owner', value: owner }) as const;

/** A conditional write whose lost answer is resolved by looking for our nonce. */
async function appliedOrMine(
  state: StateTable,
  write: {
    key: ReturnType<typeof lockKey>;
    set: StateItem;
    when: Parameters<StateTable['write']>[2];
    nonce: string;
  },
): Promise<boolean> {
  try {
    const result = await state.write(write.key, { set: write.set }, write.when);
    return result.applied;
  } catch (error) {
    if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
    const item = (await state.get(write.key)) as LockItem | null;
    return item?.nonce === write.nonce;
  }
}
