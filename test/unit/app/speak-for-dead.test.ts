import { describe, expect, it } from 'vitest';
import { speakForDead, type LastDuties } from '../../../src/app/speak-for-dead.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createListLog } from '../../support/worker-job.ts';

const UNTIL_MS = 9_500;

function speak(duties: Partial<LastDuties>) {
  const clock = createManualClock();
  const log = createListLog();
  const did: string[] = [];
  const at = (what: string): void => void did.push(`${clock.monotonicMs() / 1_000} ${what}`);
  const spoken = speakForDead(
    { clock, log },
    {
      saveResults: async () => (at('results'), await (duties.saveResults?.() ?? 7)),
      report: async () => (at('report'), await (duties.report?.() ?? true)),
      saveLog: async (signal) => {
        at('log');
        signal.addEventListener('abort', () => at('log given up'));
        await duties.saveLog?.(signal);
      },
    },
    UNTIL_MS,
  );
  return { clock, log, did, spoken };
}
const never = <T>() => new Promise<T>(() => undefined);

describe('what is done for a dead worker', () => {
  it('is its results, its task and then its log', async () => {
    const { did, log, spoken } = speak({});
    expect(await spoken).toEqual({ saved: 7, ours: true });
    expect(did).toEqual(['0 results', '0 report', '0 log']);
    expect(log.lines).toEqual([]);
  });

  it('counts results that were saved, however slow the log is, which gets the time that is left', async () => {
    const { clock, did, log, spoken } = speak({ saveLog: never });
    await clock.advance(UNTIL_MS);
    expect(await spoken).toEqual({ saved: 7, ours: true });
    expect(did).toEqual(['0 results', '0 report', '0 log', '9.5 log given up']);
    expect(log.lines.map(({ message }) => message)).toEqual(['the log of the worker could not be saved']);
  });

  it('gives the task back in any case, and soon', async () => {
    const { clock, did, log, spoken } = speak({ saveResults: never });
    await clock.advance(3_000);
    expect(await spoken).toEqual({ saved: 0, ours: true });
    expect(did).toEqual(['0 results', '3 report', '3 log']);
    expect(log.lines.map(({ message }) => message)).toEqual(['what the worker had finished could not be saved']);
  });

  it('stores the log of a worker that could not be reported, too', async () => {
    const { did, spoken } = speak({ report: () => Promise.reject(new Error('the state does not answer')) });
    await expect(spoken).rejects.toThrow('the state does not answer');
    expect(did).toEqual(['0 results', '0 report', '0 log']);
  });
});
