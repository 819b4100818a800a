import { describe, expect, it, vi } from 'vitest';
import type { App } from '../../../src/app/api.ts';
import type { LifecycleEventDocument } from '../../../src/app/lifecycle-documents.ts';
import { JOB } from './documents.fixture.ts';
import { runInProcess, stream } from './run-cli.harness.ts';

const EVENTS: readonly LifecycleEventDocument[] = [
  {
    schema: 'slurmctl.event/1',
    jobId: JOB,
    id: 'submitted',
    kind: 'submitted',
    at: '2026-11-20T23:31:05.000Z',
    exact: true,
    generation: 0,
    text: 'job licences was submitted',
  },
  {
    schema: 'slurmctl.event/1',
    jobId: JOB,
    id: 'person/x',
    kind: 'cancelled',
    at: '2026-11-20T23:32:05.000Z',
    exact: false,
    generation: 0,
    text: 'done\u001b[2J',
    by: 'ada@login1',
  },
];
const events = () => vi.fn<App['events']>(() => stream(...EVENTS));

describe('events', () => {
  it('are a line each, and nothing in them acts on the screen', async () => {
    const { code, stdout } = await runInProcess(['events', '--no-color'], { app: { events: events() } });
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout:
        ' 2026-11-20 23:31:05 submitted          job licences was submitted\n' +
        '~2026-11-20 23:32:05 cancelled          done\\x1b[2J (ada@login1)\n',
    });
  });

  it('are a document a line with --json', async () => {
    const { stdout } = await runInProcess(['events', 'x', '--json'], { app: { events: events() } });
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(EVENTS);
  });

  it('take a moment, or how long ago it was', async () => {
    const call = events();
    for (const since of ['2h', '2026-11-20', '2026-11-20T23:31:05Z', '2026-11-20T23:31+01:00'])
      expect((await runInProcess(['events', 'x', '--follow', '--since', since], { app: { events: call } })).code).toBe(
        0,
      );
    expect(call.mock.calls.map(([{ agoMs, atMs, follow }]) => [agoMs, atMs, follow])).toEqual([
      [7_200_000, undefined, true],
      [undefined, Date.UTC(2026, 10, 20), true],
      [undefined, Date.UTC(2026, 10, 20, 23, 31, 5), true],
      [undefined, Date.UTC(2026, 10, 20, 22, 31), true],
    ]);
  });

  it.each(['yesterday', '2026-13-01', '2026-11-20T25:31', '12', ''])('refuse --since %s', async (since) => {
    const { code, stderr } = await runInProcess(['events', 'x', '--since', since]);
    expect(code).toBe(2);
    expect(stderr).toContain('[USAGE]');
  });
});
