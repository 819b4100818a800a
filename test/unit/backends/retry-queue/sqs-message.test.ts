import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from '../../../../src/backends/retry-queue/sqs-message.ts';
import { asJobId, asTaskId, taskIdOf } from '../../../../src/domain/ids.ts';

const MESSAGE = {
  job: asJobId('demo-7k3f9q2m'),
  task: asTaskId('000001'),
  generation: 1,
  attempts: 2,
  notBeforeMs: 1_700_000_000_000,
};
const GOOD = { v: 1, ...MESSAGE };

it('gives back every message that it wrote', () => {
  fc.assert(
    fc.property(fc.nat(9_999_999), fc.nat(), fc.nat(), fc.maxSafeNat(), (task, generation, attempts, notBeforeMs) => {
      const message = { job: MESSAGE.job, task: taskIdOf(task), generation, attempts, notBeforeMs };
      expect(decodeMessage(encodeMessage(message))).toEqual(message);
    }),
  );
  expect(encodeMessage({ ...MESSAGE, job: asJobId(`${'a'.repeat(64)}-7k3f9q2m`) }).length).toBeLessThan(300);
});

it('takes nothing from a body that is foreign, garbled or of another version', () => {
  const bodies = [
    undefined,
    '',
    'hello',
    'null',
    '[]',
    '7',
    encodeMessage(MESSAGE).slice(0, -1),
    ...[
      { v: 2 },
      { job: '../../etc' },
      { job: 7 },
      { task: '1' },
      { task: ['000001'] },
      { generation: -1 },
      { generation: 0.5 },
      { attempts: '2' },
      { attempts: null },
      { notBeforeMs: 1e300 },
    ].map((wrong) => JSON.stringify({ ...GOOD, ...wrong })),
    ...Object.keys(GOOD).map((missing) => JSON.stringify({ ...GOOD, [missing]: undefined })),
  ];
  for (const body of bodies) expect([body, decodeMessage(body)]).toEqual([body, null]);
  expect(decodeMessage(JSON.stringify({ ...GOOD, more: 'from a later release' }))).toEqual(MESSAGE);
});

it('never throws, whatever the body', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (body) => void decodeMessage(body)));
});
