import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asJobId, slugOf } from '../../../src/domain/ids.ts';

describe('the slug of a name', () => {
  it.each([
    ['embed-abstracts', 'embed-abstracts'],
    ['Ünïcode Çafé', 'unicode-cafe'],
    ['  --Largest (v2)!  ', 'largest-v2'],
    ['日本', 'job'],
    ['', 'job'],
  ])('%j is %s', (name, slug) => expect(slugOf(name)).toBe(slug));

  it('makes a job id of every name', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (name) => void asJobId(`${slugOf(name)}-0123abcd`)));
  });
});
