import type { AlertEpisode } from '../../domain/alert-items.ts';
import type { Verdict } from './judge-rule.ts';

/** How long a rule must be calm before its episode is over: trouble that comes and goes is told once. */
export const CALM_MS = 10 * 60_000;

/** The episode after one more look; `begins`: with this look, so that somebody is told. Undefined: there never was one. */
export function stepEpisode(
  stored: AlertEpisode | undefined,
  is: Verdict['is'],
  nowMs: number,
): { readonly episode: AlertEpisode | undefined; readonly begins: boolean } {
  if (stored === undefined || !stored.open) {
    if (is !== 'holds') return { episode: stored, begins: false };
    return { episode: { number: (stored?.number ?? 0) + 1, open: true, sinceMs: nowMs, calmMs: null }, begins: true };
  }
  if (is !== 'calm') return { episode: stored.calmMs === null ? stored : { ...stored, calmMs: null }, begins: false };
  // A clock that steps back must not keep an episode open for longer than it is calm.
  const calmMs = Math.min(stored.calmMs ?? nowMs, nowMs);
  const episode = { ...stored, calmMs, open: nowMs - calmMs < CALM_MS };
  return { episode, begins: false };
}
