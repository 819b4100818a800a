import { randomBytes } from 'node:crypto';

import type { Clock } from '../ports/clock.ts';
import type { Ids, Random } from '../ports/random.ts';

/** Crockford's base32 without i, l, o and u, in lower case: the alphabet of every id in src/domain/ids.ts. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_DIGITS = 10;
const CHANCE_DIGITS = 16;

export function createSystemRandom(): Random {
  return { next: () => Math.random() };
}

/** Ids from the secure source; ULIDs of one process only grow, also within a millisecond and when the clock steps back. */
export function createSystemIds(clock: Pick<Clock, 'nowMs'>): Ids {
  let lastMs = -1;
  let chance: number[] = [];
  return {
    ulid() {
      const nowMs = clock.nowMs();
      if (nowMs > lastMs) {
        lastMs = nowMs;
        chance = secureDigits(CHANCE_DIGITS);
      } else if (!increment(chance)) {
        lastMs += 1;
        chance = secureDigits(CHANCE_DIGITS);
      }
      return timeDigits(lastMs) + digitsToText(chance);
    },
    token: (length) => digitsToText(secureDigits(length)),
  };
}

const secureDigits = (count: number): number[] => Array.from(randomBytes(count), (byte) => byte & 31);

const digitsToText = (digits: readonly number[]): string => digits.map((digit) => ALPHABET[digit]).join('');

function timeDigits(ms: number): string {
  let left = ms;
  let text = '';
  for (let digit = 0; digit < TIME_DIGITS; digit += 1) {
    text = (ALPHABET[left % 32] as string) + text;
    left = Math.floor(left / 32);
  }
  return text;
}

/** Adds one in place; false when every digit was at its highest. */
function increment(digits: number[]): boolean {
  for (let index = digits.length - 1; index >= 0; index -= 1) {
    const digit = digits[index] as number;
    if (digit < 31) {
      digits[index] = digit + 1;
      return true;
    }
    digits[index] = 0;
  }
  return false;
}
