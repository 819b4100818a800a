import { meaningOfWord } from '../../../domain/batch-words.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { QueuedElements, QueuePicture } from '../../../ports/queue-view.ts';
import { runCommand, type RunCommand } from '../../shared/run-command.ts';
import { parseSqueue, SQUEUE_FORMAT, type QueueRow } from './parse-squeue.ts';
import { createSlurmCommands } from './slurm-commands.ts';
import type { Environment } from './slurm-environment.ts';

/** Somebody is looking at a screen meanwhile. */
const DEADLINE_MS = 5_000;
const MOST_GROUPS = 500;

/** Asks, with one squeue, for everything of one user. @throws BATCH_UNREACHABLE, BATCH_NOT_INSTALLED, BATCH_BAD_ANSWER */
export async function askOwnQueue(options: {
  readonly env: Environment;
  readonly clock: Clock;
  readonly uid: number;
  readonly run?: RunCommand;
}): Promise<Omit<QueuePicture, 'askedMs'>> {
  const { env, clock, uid, run = runCommand } = options;
  const impatient: RunCommand = (request) => run({ ...request, deadlineMs: Math.min(request.deadlineMs, DEADLINE_MS) });
  const commands = createSlurmCommands({ run: impatient, env, clock });
  return pictureOf(parseSqueue(await commands.ask(['squeue', '-h', `--user=${uid}`, '-O', SQUEUE_FORMAT])));
}

/** Pure. */
export function pictureOf(rows: readonly QueueRow[]): Omit<QueuePicture, 'askedMs'> {
  let running = 0;
  const waiting = new Map<string, QueuedElements>();
  for (const { id, name, state, reason = 'None', indices } of rows) {
    // Of an expression that is cut off it is known only that there are some.
    const elements = Array.isArray(indices) ? indices.length : 1;
    const phase = meaningOfWord(state)?.phase;
    if (phase === 'running') running += elements;
    if (phase !== 'waiting') continue;
    const key = `${name}\n${reason}`;
    waiting.set(key, { name, id, reason, elements: (waiting.get(key)?.elements ?? 0) + elements });
  }
  const sorted = [...waiting.values()].toSorted((a, b) => b.elements - a.elements);
  return { running, waiting: sorted.slice(0, MOST_GROUPS) };
}
