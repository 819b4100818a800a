import { beforeAll, describe, expect, it } from 'vitest';
import { compiledProject } from '../support/compiled.ts';
import { withCrashSite, type CrashSite } from '../support/crash-site.ts';

beforeAll(() => compiledProject(), 120_000);

/** Items 7, 27 and 47, of a task each, take the worker down in ways that nothing in it can stop. */
const HANDLER = `
import { appendFileSync } from 'node:fs';
const DEADLY = {
  7: () => process.kill(process.pid, 'SIGKILL'),
  27: () => process.abort(),
  47: () => process.exit(0),
};
export default async ({ n }) => {
  appendFileSync(process.env.CALLS, n + '\\n');
  if (n in DEADLY) console.log('last word of %d, password=%s', n, 'hunter2');
  DEADLY[n]?.();
  return { doubled: n * 2 };
};
`;

const query = async (site: CrashSite, sql: string): Promise<unknown[][]> =>
  (await site.cli.json<{ rows: unknown[][] }>(['results', '@last', '--query', sql])).rows;

describe('items that take their worker down', () => {
  it('are found, put aside and named, and cost no other item its result', () =>
    withCrashSite(
      {
        items: 60,
        batchItems: 20,
        slots: 3,
        handler: HANDLER,
        more: 'retry: {backoff: 100ms..100ms, tolerate: {items: 3}}',
      },
      async (site) => {
        const ended = await site.cli('submit', 'job.yaml', '--wait');
        expect(ended.code, ended.stderr).toBe(0);
        const failed = await query(site, 'select item_index, error_class, cause, error_message from errors order by 1');
        expect(failed.map(([item, errorClass, cause]) => [Number(item), errorClass, cause])).toEqual([
          [7, 'quarantined', 'killed'],
          [27, 'quarantined', 'killed'],
          [47, 'quarantined', 'worker-error'],
        ]);
        expect(failed[0]?.[3]).toContain('the worker was killed by signal 9 while item 7 was running');
        expect(failed[1]?.[3]).toContain('signal 6 while item 27 was running');
        expect(failed[2]?.[3]).toContain('process.exit(0)');
        const succeeded = await query(site, "select count(*) from results where status = 'succeeded'");
        expect(Number(succeeded[0]?.[0])).toBe(57);
        const calls = site.calls();
        const { lines } = await site.cli.json<{ lines: { item: string | null; text: string }[] }>([
          'logs',
          '@last',
          '--grep',
          'last word|worker died',
        ]);
        for (const [n, how] of [
          ['7', 'killed by signal 9'],
          ['27', 'killed by signal 6'],
          ['47', 'process.exit(0)'],
        ] as const) {
          expect(lines.find(({ item }) => item === n)?.text).toContain(`last word of ${n}, password=[redacted]`);
          expect(lines.some(({ text }) => text.includes('"the worker died"') && text.includes(how))).toBe(true);
        }
        for (const n of [7, 27, 47])
          expect(calls.filter((call) => call === n).length, `item ${n}`).toBeLessThanOrEqual(4);
      },
    ));
});
