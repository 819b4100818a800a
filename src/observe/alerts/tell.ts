/** A look at a job, kept: first what is to be told, then that it is, so that no crash in between loses a message. */
import type { AlertsItem } from '../../domain/alert-items.ts';
import type { AlertRule, JobHooks } from '../../domain/alert-rule.ts';
import type { JobId } from '../../domain/ids.ts';
import { alertsKey, outboxKey } from '../../domain/state-keys.ts';
import { isAppError } from '../../errors/app-error.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ids } from '../../ports/random.ts';
import type { StateItem, StateTable } from '../../ports/state-table.ts';
import type { AlertFacts } from './facts.ts';
import { LOOK_EVERY_MS, lookAtJob } from './look.ts';

export interface TellRequest {
  readonly job: JobId;
  /** Of the job as this pass left it. */
  readonly isFinal: boolean;
  readonly generation: number;
  readonly rules: readonly AlertRule[];
  readonly hooks: JobHooks;
  readonly baseDir: string;
  readonly place: string;
  /** Who looks. */
  readonly user: string;
  /** Asked only when it is time for a look. */
  readonly facts: () => Promise<AlertFacts>;
}

interface TellDeps {
  readonly state: StateTable;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** Puts what is to be told into the outbox; how many messages and hooks are new there. */
export async function tellJob({ state, clock, ids }: TellDeps, request: TellRequest): Promise<number> {
  const { job, rules, hooks, baseDir, place, user } = request;
  const stored = (await state.get(alertsKey(job))) as unknown as AlertsItem | null;
  if (!isTime(stored, request, clock.nowMs())) return 0;
  const facts = await request.facts();
  const look = lookAtJob({ stored, facts, rules, hooks, baseDir, place, user, rev: ids.ulid() });
  // Ids say what is told, so that two passes make one message of it.
  const created =
    look.outbox.length === 0
      ? 0
      : await state.createMany(
          look.outbox.map(({ id, item }) => ({ key: outboxKey(id), item: item as unknown as StateItem })),
        );
  try {
    await state.write(
      alertsKey(job),
      { set: look.item as unknown as StateItem },
      stored === null ? { op: 'item-absent' } : { op: 'equals', path: 'rev', value: stored.rev },
    );
  } catch (error) {
    // Whoever looks next finds either of the two, and says nothing twice.
    if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
  }
  return created;
}

/** An end is looked at once it is there, and then not again. */
function isTime(stored: AlertsItem | null, { isFinal, generation }: TellRequest, nowMs: number): boolean {
  if (stored === null || stored.generation !== generation || isFinal) return true;
  const agoMs = nowMs - stored.seenMs;
  return agoMs < 0 || agoMs >= LOOK_EVERY_MS;
}
