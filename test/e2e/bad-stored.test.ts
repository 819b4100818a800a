import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type {
  AdvanceDocument,
  ListDocument,
  ResultsDocument,
  StatusDocument,
  SubmitDocument,
} from '../../src/app/documents.ts';
import { compiledProject } from '../support/compiled.ts';
import { expectRefusal, type Room, withRoom } from '../support/refusal.ts';
import { until } from '../support/slurm-job.ts';

beforeAll(() => compiledProject());

/** Item 2 waits for the file `go`; every call is noted. */
const GATED = `import { appendFileSync, existsSync } from 'node:fs';
const at = (name) => new URL(name, import.meta.url);
export default async ({ n }) => {
  appendFileSync(at('calls'), n + '\\n');
  while (n === 2 && !existsSync(at('go'))) await new Promise((done) => setTimeout(done, 50));
  return { doubled: n * 2 };
};
`;

interface HalfDone extends Room {
  readonly job: string;
  /** Below the job's prefix in the store. */
  readonly object: (...path: string[]) => string;
  /** Lets the second task finish. */
  readonly go: () => void;
}

/** A job of two tasks, the first committed and the second running until it is told to go on. */
const withHalfDone = (fn: (room: HalfDone) => Promise<void>): Promise<void> =>
  withRoom({ 'handler.mjs': GATED }, async (room) => {
    const cli = room.cliWith({ SLURMCTL_LOCAL_SLOTS: '2' });
    const { jobId: job } = await cli.json<SubmitDocument>(['submit', 'job.yaml']);
    const go = (): void => writeFileSync(join(room.directory, 'go'), '');
    try {
      await until(async () => ((await statusOf({ cli }, job)).tasks.done === 1 ? true : null), 30_000);
      const object = (...path: string[]): string => join(room.directory, '.slurmctl/objects/jobs', job, ...path);
      await fn({ ...room, cli, job, object, go });
    } finally {
      go();
    }
  });

const statusOf = ({ cli }: Pick<Room, 'cli'>, job: string): Promise<StatusDocument> =>
  cli.json<StatusDocument>(['status', job]);

const listed = async ({ cli }: Room): Promise<ListDocument['jobs'][number] | undefined> =>
  (await cli.json<ListDocument>(['list', '--all'])).jobs[0];

function overwrite(path: string, change: (text: Buffer) => Uint8Array | string): void {
  chmodSync(path, 0o600);
  writeFileSync(path, change(readFileSync(path)));
}

/** The same length, other bytes. */
const flipped = (bytes: Buffer): Buffer => {
  bytes.writeUInt8(bytes.readUInt8(200) ^ 0x55, 200);
  return bytes;
};

async function doubled({ cli }: Room, job: string): Promise<unknown[]> {
  const sql = 'select item_id, status, doubled from results order by item_index';
  return (await cli.json<{ rows: unknown[] }>(['results', job, '--query', sql])).rows;
}

const BOTH = [
  ['1', 'succeeded', 2],
  ['2', 'succeeded', 4],
];

describe('a committed result that is damaged before it is merged', () => {
  it.each(['results.sqlite', 'part.parquet', 'done.json'])(
    '%s: the task runs again and the job ends well by itself',
    (name) =>
      withHalfDone(async (room) => {
        const { cli, job, object, go } = room;
        const [attempt] = readdirSync(object('attempts/000000'));
        overwrite(object('attempts/000000', attempt ?? '', name), flipped);
        go();
        const watched = await cli('status', job, '--watch');
        expect(watched.code, watched.stderr).toBe(0);
        expect((await statusOf(room, job)).job.state).toBe('COMPLETED');
        expect(await doubled(room, job)).toEqual(BOTH);
        const calls = readFileSync(join(room.directory, 'calls'), 'utf8').trim().split('\n').toSorted();
        expect(calls).toEqual(['1', '1', '2']);
        expect(readdirSync(object('attempts/000000')).length).toBeGreaterThan(1);
      }),
  );

  it('a part that is gone: advance says what it does about it', () =>
    withHalfDone(async (room) => {
      const { cli, job, object, go } = room;
      const [attempt] = readdirSync(object('attempts/000000'));
      rmSync(object('attempts/000000', attempt ?? '', 'part.parquet'));
      go();
      const steps: string[] = [];
      await until(async () => {
        const pass = await cli.json<AdvanceDocument>(['advance', job, '--wait-lease', '20s']);
        steps.push(...pass.steps);
        return pass.state === 'COMPLETED' || null;
      }, 60_000);
      expect(await doubled(room, job)).toEqual(BOTH);
    }));
});

describe('a manifest edited by hand', () => {
  it('is named by advance, explained by list, and restoring it lets the job end', () =>
    withHalfDone(async (room) => {
      const { cli, job, object, go } = room;
      const path = object('manifest.json');
      const before = readFileSync(path);
      overwrite(path, (text) => text.toString().replace('"concurrency":1', '"concurrency":2'));
      expectRefusal(await cli('advance', job), {
        exit: 5,
        code: 'MANIFEST_CORRUPT',
        says: [
          'manifest.json was edited: its specHash does not match',
          'Restore the file named above',
          'slurmctl cancel',
        ],
      });
      expect(await listed(room)).toMatchObject({
        id: job,
        reason: expect.stringMatching(/^cannot go on: .*manifest\.json was edited/) as string,
      });
      const shown = await cli('status', job);
      expect(shown.stdout).toContain('cannot go on: ');
      expect(shown.stderr).toContain(`slurmctl advance ${job}`);
      writeFileSync(path, before);
      go();
      await until(async () => {
        await cli('advance', job, '--wait-lease', '20s');
        return (await statusOf(room, job)).job.state === 'COMPLETED' || null;
      }, 60_000);
      expect((await listed(room))?.reason).toBeNull();
      expect(await doubled(room, job)).toEqual(BOTH);
    }));

  it.each<[what: string, path: string, text: string]>([
    ['counts that are not those of the split', 'manifest.json', ''],
    ['no JSON', 'manifest.json', '{'],
  ])('%s: nothing is published, and cancel ends the job', (_, name, text) =>
    withHalfDone(async (room) => {
      const { cli, job, object, go } = room;
      overwrite(object(name), (found) =>
        text === '' ? found.toString().replace('"items":2,"tasks":2', '"items":3,"tasks":2') : text,
      );
      go();
      await until(async () => ((await statusOf(room, job)).tasks.done === 2 ? true : null), 30_000);
      const refused = await cli('advance', job, '--wait-lease', '20s', '--quiet');
      expectRefusal(refused, { exit: 5, code: 'MANIFEST_CORRUPT', says: ['manifest.json'] });
      expect((await listed(room))?.reason).toMatch(/manifest\.json/);
      expect(existsSync(object('final.json'))).toBe(false);
      expect((await cli('cancel', job)).code).toBe(0);
      expect((await listed(room))?.state).toBe('CANCELLED');
      expectRefusal(await cli('results', job), {
        exit: 4,
        code: 'OUTPUT_NOT_READY',
        says: [`job ${job} is CANCELLED and has published no output`, `slurmctl aggregate ${job}`],
      });
    }),
  );

  it.each<[what: string, spoil: (room: HalfDone) => void]>([
    [
      'edited',
      ({ object }) => overwrite(object('request.json'), (text) => text.toString().replace('"cpus":1', '"cpus":2')),
    ],
    ['gone', ({ object }) => rmSync(object('request.json'))],
  ])('a request.json that is %s does not matter once the job runs', (_, spoil) =>
    withHalfDone(async (room) => {
      spoil(room);
      room.go();
      expect((await room.cli('status', room.job, '--watch')).code).toBe(0);
      expect(await doubled(room, room.job)).toEqual(BOTH);
    }),
  );
});

describe('directories that were deleted', () => {
  it('the state: the job is unknown, gc frees what is left of it, and the next job runs', () =>
    withHalfDone(async (room) => {
      const { cli, job, go, directory } = room;
      go();
      rmSync(join(directory, '.slurmctl/state'), { recursive: true, force: true, maxRetries: 5 });
      expectRefusal(await cli('status', job), {
        exit: 4,
        code: 'JOB_NOT_FOUND',
        says: [`no job "${job}": there are no jobs in`, '--home'],
      });
      const { removed } = await cli.json<{ removed: { what: string }[] }>(['gc']);
      expect(removed.map(({ what }) => what)).toEqual([`objects of ${job}, which no state belongs to`]);
      const next = await cli('submit', 'job.yaml', '--wait');
      expect(next.code, next.stderr).toBe(0);
    }));

  it('the objects: advance names what is missing, list says so, cancel ends the job', () =>
    withHalfDone(async (room) => {
      const { cli, job, directory } = room;
      rmSync(join(directory, '.slurmctl/objects'), { recursive: true, force: true, maxRetries: 5 });
      expectRefusal(await cli('advance', job), {
        exit: 5,
        code: 'STORE_NOT_FOUND',
        says: ['manifest.json is missing'],
      });
      expect((await listed(room))?.reason).toMatch(/^cannot go on: .*manifest\.json is missing/);
      expect((await cli('cancel', job)).code).toBe(0);
      expect((await listed(room))?.state).toBe('CANCELLED');
    }));
});

describe('a published output that is damaged', () => {
  it('is called so, whatever part of it, and aggregate makes it anew', () =>
    withRoom({}, async (room) => {
      const { cli } = room;
      expect((await cli('submit', 'job.yaml', '--wait')).code).toBe(0);
      const { path } = await cli.json<ResultsDocument>(['results', '@last']);
      const good = readFileSync(path);
      const footer = statSync(path).size - 20;
      for (const at of [200, footer]) {
        overwrite(path, (bytes) =>
          Buffer.concat([bytes.subarray(0, at), Buffer.from('XXXXXXXX'), bytes.subarray(at + 8)]),
        );
        expectRefusal(await cli('results', '@last', '--query', 'select * from results'), {
          exit: 5,
          code: 'RESULT_CORRUPT',
          says: [path, 'is damaged', 'slurmctl aggregate'],
        });
        expect((await cli('aggregate', '@last')).code).toBe(0);
        expect(readFileSync(path).equals(good)).toBe(true);
      }
    }));
});
