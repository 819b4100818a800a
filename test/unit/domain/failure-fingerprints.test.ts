import { expect, it } from 'vitest';
import { createFingerprints } from '../../../src/domain/failure-fingerprints.ts';

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
