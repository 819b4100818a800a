import { expect, test } from 'vitest';
import { createRecentAnswers } from '../../../../src/backends/batch-system/slurm/recent-answers.ts';

test('a late failure leaves the answer alone that was asked for after it was forgotten', async () => {
  let fail = (_error: Error): void => undefined;
  const late = new Promise<string>((_resolve, reject) => (fail = reject));
  const answers = [late, Promise.resolve('second'), Promise.resolve('third')];
  const site = createRecentAnswers({ ask: () => answers.shift() as Promise<string> }, { monotonicMs: () => 0 });
  const first = site.ask(['scontrol']);
  site.forget();
  expect(await site.ask(['scontrol'])).toBe('second');
  fail(new Error('too late'));
  await expect(first).rejects.toThrow('too late');
  expect(await site.ask(['scontrol'])).toBe('second');
});
