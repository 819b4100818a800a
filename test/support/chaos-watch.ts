/** Looks at the tasks that faults have hit until their items say so. */
import { elementOf, type AttemptId } from '../../src/domain/ids.ts';
import type { TaskItem } from '../../src/domain/task-item.ts';
import type { Injected, Victim } from './chaos-record.ts';
import type { ChaosSite } from './chaos-site.ts';

const LOOK_EVERY_MS = 100;

export interface ChaosWatch {
  add(injected: Injected): void;
  /** Stops looking. */
  stop(): Promise<void>;
}

export function watchVictims(site: ChaosSite): ChaosWatch {
  let open: { readonly victim: Victim; readonly fromMs: number }[] = [];
  let over = false;
  const look = async (): Promise<void> => {
    while (!over) {
      const left: typeof open = [];
      const looking = open;
      open = [];
      for (const one of looking) if (!(await settle(site, one.victim, one.fromMs))) left.push(one);
      open.push(...left);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  };
  const ended = look();
  return {
    add: ({ victims, fromMs, fault }) => {
      if (fault.kind !== 'freeze')
        for (const victim of victims) if (victim.task !== null) open.push({ victim, fromMs });
    },
    async stop() {
      over = true;
      await ended;
    },
  };
}

/** True when nothing more is to be learned of this victim. */
async function settle(site: ChaosSite, victim: Victim, fromMs: number): Promise<boolean> {
  const item = await site.task(victim.task as never);
  if (item.state === 'RUNNING' && item.owner === victim.attempt) return false;
  const fate = fateOf(item, victim);
  if (fate !== 'committed') victim.noticedMs ??= Date.now() - fromMs;
  if (victim.fate === 'unknown') victim.fate = fate;
  if (item.state !== 'WAIT' && item.state !== 'DEAD') return true;
  if (item.cause !== undefined) Object.assign(victim, { cause: item.cause, detail: item.causeDetail ?? '' });
  // Until the retry is decided the cause is the worker's guess.
  return item.state === 'DEAD' || item.notBeforeMs !== undefined;
}

function fateOf(item: TaskItem, { attempt }: Victim): Victim['fate'] {
  if (item.win?.attempt === attempt) return 'committed';
  if (item.state === 'WAIT') return 'released';
  if (item.state === 'DEAD') return 'given-up';
  const sameElement = item.owner !== undefined && elementOf(item.owner) === elementOf(attempt as AttemptId);
  return sameElement ? 'taken-over' : 'unknown';
}
