import { expect } from 'vitest';
import type { JobId } from '../../src/domain/ids.ts';
import type { JobState } from '../../src/domain/states.ts';
import type { CrashSite } from './crash-site.ts';
import { eventually } from './live-processes.ts';

/** What became of an item: its row of the output. */
export interface LedgerRow {
  readonly index: number;
  readonly id: string;
  readonly status: 'succeeded' | 'failed';
  readonly doubled: number | null;
  readonly errorClass: string | null;
}

const COLUMNS = 'item_index, item_id, status, doubled, error_class';

/** The published rows in the order they are stored in. */
export async function readRows(site: Pick<CrashSite, 'cli'>, job: JobId): Promise<LedgerRow[]> {
  const sql = `select ${COLUMNS} from results`;
  const { rows } = await site.cli.json<{ rows: readonly (readonly unknown[])[] }>(['results', job, '--query', sql]);
  return rows.map(([index, id, status, doubled, errorClass]) => ({
    index: Number(index),
    id: String(id),
    status: status as LedgerRow['status'],
    doubled: doubled === null ? null : Number(doubled),
    errorClass: errorClass as string | null,
  }));
}

export interface Expected {
  readonly state?: JobState;
  /** Items without a result; none by default. */
  readonly failed?: (item: number) => boolean;
}

/**
 * Every item of the input has exactly one row, in order, with the value it has to have; nothing of the job goes on; and what is stored
 * belongs together.
 */
export async function expectLedger(site: CrashSite, job: JobId, expected: Expected = {}): Promise<void> {
  const { state = 'COMPLETED', failed = () => false } = expected;
  const meta = await site.meta(job);
  expect(meta, JSON.stringify(meta)).toMatchObject({ state, items: site.items });
  expect(meta?.waitingFor).toBeUndefined();
  const rows = await readRows(site, job);
  expect(rows.map(({ index, id, status, doubled }) => [index, id, status, doubled])).toEqual(
    Array.from({ length: site.items }, (_, n) =>
      failed(n) ? [n, String(n), 'failed', null] : [n, String(n), 'succeeded', n * 2],
    ),
  );
  const tasks = await site.tasks(job);
  expect(tasks.reduce((sum, task) => sum + task.items, 0)).toBe(site.items);
  expect(tasks.filter((task) => task.state !== 'DONE' && task.state !== 'DEAD')).toEqual([]);
  await expectNothingGoesOn(site, job);
  await site.place.expectSound(job);
}

/** No process, no local submission that could start one, no outbox row that waits for one, no place among the live jobs. */
export async function expectNothingGoesOn(site: CrashSite, job: JobId): Promise<void> {
  const open = () => JSON.stringify([site.elements(), site.openSubmissions()]);
  await eventually('every process ends', () => open() === '[[],[]]', 15_000).catch((error: unknown) => {
    throw new Error(`left over: ${open()}`, { cause: error });
  });
  await eventually(
    'the job leaves the index of live jobs',
    async () => !(await site.jobs()).find((one) => one.id === job)?.live,
    5_000,
  );
  // What was never sent cannot exist; what was has to be accounted for.
  const rows = (await site.submissions(job)).filter((row) => row.sentMs !== undefined);
  expect(rows.filter((row) => row.state === 'INTENT' || row.state === 'SUBMITTED')).toEqual([]);
}
