import { describe, expect, it } from 'vitest';
import { parseSince } from '../../../src/cli/commands/parse-since.ts';

describe('parseSince', () => {
  it('reads how long ago', () => {
    expect(parseSince('1h30m')).toEqual({ agoMs: 5_400_000 });
  });

  it.each([
    ['2026-11-21T14:00Z', Date.UTC(2026, 10, 21, 14)],
    ['2026-11-21T14:00+02:00', Date.UTC(2026, 10, 21, 12)],
    // As `events` and `list` print it.
    ['2026-11-21 14:00:05Z', Date.UTC(2026, 10, 21, 14, 0, 5)],
    ['2026-11-21 14:00', Date.UTC(2026, 10, 21, 14)],
    ['2026-11-21T14:00:05.250', Date.UTC(2026, 10, 21, 14, 0, 5, 250)],
    ['2026-11-21', Date.UTC(2026, 10, 21)],
  ])('reads the time %s, which is UTC where it names no zone', (text, atMs) => {
    expect(parseSince(text)).toEqual({ atMs });
  });

  it.each(['', '10', 'yesterday', '2026-13-01', '2026-11-21T25:00', '2026-11-21Z', '21.11.2026'])(
    'does not understand %j',
    (text) => {
      expect(parseSince(text)).toBeNull();
    },
  );
});
