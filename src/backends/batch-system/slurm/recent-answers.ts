import type { Clock } from '../../../ports/clock.ts';
import type { SlurmCommands } from './slurm-commands.ts';

/** Long enough for one submit or one pass, which asks for the same limits for each thing that it sends. */
const KEPT_MS = 30_000;

export interface RecentAnswers extends Pick<SlurmCommands, 'ask'> {
  /** Something shows that the site is not what it was. */
  forget(): void;
}

/** The same commands, each answered once in a while: for what describes the site and not its jobs. Failures are not kept. */
export function createRecentAnswers(
  { ask }: Pick<SlurmCommands, 'ask'>,
  clock: Pick<Clock, 'monotonicMs'>,
): RecentAnswers {
  const kept = new Map<string, { readonly askedMs: number; readonly answer: Promise<string> }>();
  return {
    forget: () => kept.clear(),
    ask(argv) {
      const key = argv.join('\0');
      const known = kept.get(key);
      const nowMs = clock.monotonicMs();
      if (known !== undefined && nowMs - known.askedMs < KEPT_MS) return known.answer;
      const answer = ask(argv);
      const entry = { askedMs: nowMs, answer };
      kept.set(key, entry);
      answer.catch(() => {
        // Forgotten and asked again meanwhile, it is another's answer.
        if (kept.get(key) === entry) kept.delete(key);
      });
      return answer;
    },
  };
}
