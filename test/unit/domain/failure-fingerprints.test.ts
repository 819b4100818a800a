import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createFingerprints } from '../../../src/domain/failure-fingerprints.ts';
import { fingerprintOf } from '../../../src/domain/fingerprint.ts';

it('a failed item has the fingerprint of its task where it failed with it', () => {
  const fingerprint = createFingerprints();
  const lost = { cause: 'oom', errorClass: 'oom', errorMessage: 'x' } as const;
  const given = { isLost: true, item: { cause: 'oom', fingerprint: '1feedbeef' } } as const;
  expect(fingerprint(given, lost)).toBe('1feedbeef');
  const own = { ...lost, cause: 'handler-error', errorClass: 'TypeError' } as const;
  expect(fingerprint(given, own)).not.toBe('1feedbeef');
  expect(fingerprint(given, own)).toBe(fingerprint({ isLost: false, item: {} }, own));
  expect(fingerprint({ ...given, isLost: false }, lost)).not.toBe('1feedbeef');
});

it('what is remembered changes nothing, however many kinds there are', () => {
  const fingerprint = createFingerprints();
  const given = { isLost: false, item: {} };
  const isRight = (errorClass: string, message: string): boolean => {
    const failed = { cause: 'handler-error', errorClass, errorMessage: message } as const;
    return fingerprint(given, failed) === fingerprintOf({ cause: 'handler-error', errorClass, message });
  };
  const letters = (n: number): string => n.toString(36).replaceAll(/\d/g, (digit) => 'qrstuvwxyz'[Number(digit)] ?? '');
  const wrong: number[] = [];
  for (let n = 0; n < 9_000; n += 1) if (!isRight('TypeError', `no ${letters(n)} in row ${n}`)) wrong.push(n);
  for (let n = 0; n < 9_000; n += 777) if (!isRight('TypeError', `no ${letters(n)} in row ${n + 1}`)) wrong.push(n);
  expect(wrong).toEqual([]);
  fc.assert(fc.property(fc.constantFrom('A', 'B\nx', ''), fc.string({ unit: 'binary' }), isRight));
});
