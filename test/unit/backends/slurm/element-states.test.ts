import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementStates, needsAccounting } from '../../../../src/backends/batch-system/slurm/element-states.ts';
import { parseSacct } from '../../../../src/backends/batch-system/slurm/parse-sacct.ts';
import { parseSqueue } from '../../../../src/backends/batch-system/slurm/parse-squeue.ts';
import { isCause } from '../../../../src/domain/causes.ts';
import { recorded } from './fixture.ts';

const UID = 0;
const brief = (squeue: string, sacct: string, handles: readonly { id: string; count: number }[]) =>
  elementStates(handles, parseSqueue(squeue), parseSacct(sacct), UID).map(
    ({ index, phase, cause, exitCode, signal }) =>
      `${index} ${phase} ${cause}${exitCode === undefined ? '' : ` exit ${exitCode}`}${signal === undefined ? '' : ` signal ${signal}`}`,
  );
const life = [{ id: '3', count: 12 }];

describe('states from recorded answers', () => {
  it('reads an array that waits', () => {
    const states = brief(recorded('squeue-pending.out'), '', life);
    expect(new Set(states.map((state) => state.replace(/^\d+ /, '')))).toEqual(new Set(['waiting null']));
    expect(states).toHaveLength(12);
  });

  it('reads an array in the middle of its life', () => {
    expect(brief(recorded('squeue-running.out'), recorded('sacct-running.out'), life)).toEqual([
      '0 ended null exit 0',
      '1 ended worker-error exit 3',
      '2 ended killed exit 137',
      '3 ended killed signal 9',
      '4 running null',
      ...[5, 6, 7, 8, 9, 10, 11].map((index) => `${index} waiting null`),
    ]);
  });

  it('reads requeues, a dead node and a time limit', () => {
    expect(brief(recorded('squeue-requeued.out'), recorded('sacct-requeued.out'), life)).toEqual([
      '0 ended null exit 0',
      '1 ended worker-error exit 3',
      '2 ended killed exit 137',
      '3 ended killed signal 9',
      '4 ended cancelled-by-user signal 15',
      '5 running null',
      '6 ended time-limit signal 15',
      '7 waiting null',
      '8 ended killed signal 11',
      '9 ended null exit 0',
      '10 ended null exit 0',
      '11 ended null exit 0',
    ]);
    const states = elementStates(life, parseSqueue(recorded('squeue-requeued.out')), [], UID);
    expect(states[5]).toMatchObject({ restarts: 1, node: 'n1', rawState: 'RUNNING' });
    expect(states[6]).toMatchObject({ rawState: 'TIMEOUT', reason: 'TimeLimit', node: 'n1' });
  });

  it('reads how long elements ran, from whoever knows them', () => {
    const queue = parseSqueue(
      '3|0|FAILED|256|0|n1|None|1-02:03:04|x|\n3|1|PENDING|0|1||None|0:07|x|\n3|2|RUNNING|0|0|n1|None|INVALID|x|',
    );
    const accounting = parseSacct('3_3|FAILED|1:0|n1|None|62|x');
    const states = elementStates([{ id: '3', count: 4 }], queue, accounting, UID);
    expect(states.map(({ ranMs }) => ranMs)).toEqual([93_784_000, undefined, undefined, 62_000]);
  });

  it('reads the same ends from accounting alone, but for exit codes above 127', () => {
    const [, , third, ...rest] = brief('', recorded('sacct-ended.out'), life);
    expect(third).toBe('2 ended worker-error exit 9');
    expect(rest).toEqual([
      '3 ended killed signal 9',
      '4 ended cancelled-by-user',
      '5 ended cancelled-by-user',
      '6 ended time-limit',
      '7 ended cancelled-by-user',
      '8 ended killed signal 11',
      '9 ended null exit 0',
      '10 ended null exit 0',
      '11 ended null exit 0',
    ]);
  });

  it('never takes what accounting says of the living for a state: it lags', () => {
    const states = brief('', recorded('sacct-requeued.out'), life);
    expect(states[5]).toBe('5 unknown null');
    expect(states[7]).toBe('7 unknown null');
    expect(new Set(brief('', recorded('sacct-pending.out'), life).map((state) => state.replace(/^\d+ /, '')))).toEqual(
      new Set(['unknown null']),
    );
    const mixed = [15, 16, 17, 18].map((id) => ({ id: String(id), count: 1 }));
    expect(brief('', recorded('sacct-mixed.out'), mixed)).toEqual([
      '0 ended null exit 0',
      '0 ended node-fail',
      '0 unknown null',
      '0 unknown null',
    ]);
    expect(
      brief('', recorded('sacct-running.out'), life)
        .slice(5)
        .every((state) => state.endsWith('unknown null')),
    ).toBe(true);
  });

  it('tells who cancelled from accounting', () => {
    const ended = (uid: number) =>
      elementStates(life, parseSqueue(recorded('squeue-ended.out')), parseSacct(recorded('sacct-ended.out')), uid)[4];
    expect(ended(0)?.cause).toBe('cancelled-by-user');
    expect(ended(1000)).toMatchObject({ cause: 'cancelled-by-admin', rawState: 'CANCELLED by 0', signal: 15 });
  });

  it('reads plain jobs, held arrays, dependencies and a node that died, in one answer', () => {
    const handles = [
      { id: '15', count: 1 },
      { id: '16', count: 1 },
      { id: '17', count: 8 },
      { id: '18', count: 1 },
    ];
    const states = elementStates(handles, parseSqueue(recorded('squeue-mixed.out')), [], UID);
    expect(states.map(({ id, index, phase, cause, reason }) => [id, index, phase, cause, reason])).toEqual([
      ['15', 0, 'ended', null, undefined],
      ['16', 0, 'ended', 'node-fail', 'NodeDown'],
      ['17', 0, 'waiting', null, 'JobHeldUser'],
      ['17', 1, 'waiting', null, 'JobHeldUser'],
      ['17', 2, 'waiting', null, 'JobHeldUser'],
      ['17', 3, 'waiting', null, 'JobHeldUser'],
      ['17', 4, 'unknown', null, undefined],
      ['17', 5, 'unknown', null, undefined],
      ['17', 6, 'unknown', null, undefined],
      ['17', 7, 'waiting', null, 'JobHeldUser'],
      ['18', 0, 'waiting', null, 'Dependency'],
    ]);
  });

  it('asks accounting only about what the queue leaves open', () => {
    const queue = parseSqueue(recorded('squeue-requeued.out'));
    expect(needsAccounting(life, queue)).toEqual(life);
    const withoutCancelled = queue.filter(({ state }) => state !== 'CANCELLED');
    expect(needsAccounting([{ id: '3', count: 4 }], withoutCancelled)).toEqual([]);
    expect(needsAccounting([{ id: '3', count: 5 }], withoutCancelled)).toHaveLength(1);
    expect(needsAccounting([{ id: '99', count: 1 }], queue)).toHaveLength(1);
  });
});

describe('answers with noise in them', () => {
  const banner = '*** Maintenance | Monday | 8:00 ***\n\nCLUSTER: hpc2\nwarning: 3|strange|line\n';

  it('survives banners, CRLF, blank lines and padding', () => {
    const squeue = recorded('squeue-requeued.out');
    const noisy = banner + squeue.replaceAll('\n', '   \r\n\r\n').replaceAll('|', ' | ');
    expect(parseSqueue(noisy)).toEqual(parseSqueue(squeue));
    const sacct = recorded('sacct-ended.out');
    expect(parseSacct(banner + sacct.replaceAll('\n', '\r\n'))).toEqual(parseSacct(sacct));
  });

  it('takes nothing from an expression that is cut off', () => {
    const states = brief('3|0-3,5...|PENDING|0|0||Resources|0:00|x|\n3|4|COMPLETED|0|0|n1|None|0:05|x|', '', life);
    expect(states[0]).toBe('0 unknown null');
    expect(states[4]).toBe('4 ended null exit 0');
  });

  it('believes the row of one element before the row of a range, in any order', () => {
    const one = '3|4|RUNNING|0|0|n1|None|0:05|x|\n';
    const range = '3|2-6|PENDING|0|0||Resources|x|\n';
    expect(brief(one + range, '', life)[4]).toBe('4 running null');
    expect(brief(range + one, '', life)[4]).toBe('4 running null');
  });

  it('never throws and never makes a good end out of junk', () => {
    const field = fc.oneof(
      fc.constantFrom(
        '3',
        '3_1',
        '0',
        '0-11',
        'N/A',
        'COMPLETED',
        'COMPLETED+',
        'FAILED',
        'CANCELLED by 0',
        '0:0',
        'n1',
        '',
      ),
      fc.string({ unit: 'binary', maxLength: 12 }),
    );
    const line = fc.array(field, { maxLength: 11 }).map((fields) => fields.join('|'));
    const text = fc
      .array(fc.oneof(line, fc.string({ unit: 'binary' })), { maxLength: 12 })
      .map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(text, text, (squeue, sacct) => {
        const states = elementStates(life, parseSqueue(squeue), parseSacct(sacct), UID);
        expect(states).toHaveLength(12);
        for (const state of states) {
          if (state.cause !== null) expect(isCause(state.cause)).toBe(true);
          if (state.phase !== 'ended') expect(state.cause).toBeNull();
          if (state.phase === 'ended' && state.cause === null) {
            expect(state.exitCode).toBe(0);
            expect(state.rawState).toMatch(/^COMPLETED\+?$/);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('never makes a good end out of an answer that was cut off', () => {
    const good = [0, 9, 10, 11];
    const ends = (squeue: string, sacct: string) =>
      elementStates(life, parseSqueue(squeue), parseSacct(sacct), UID)
        .filter(({ phase, cause }) => phase === 'ended' && cause === null)
        .map(({ index }) => index);
    const squeue = recorded('squeue-requeued.out');
    const sacct = recorded('sacct-ended.out');
    for (let at = 0; at <= squeue.length; at += 1)
      expect(good).toEqual(expect.arrayContaining(ends(squeue.slice(0, at), '')));
    for (let at = 0; at <= sacct.length; at += 1)
      expect(good).toEqual(expect.arrayContaining(ends('', sacct.slice(0, at))));
  });
});
