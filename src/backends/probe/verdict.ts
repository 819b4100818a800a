/** What a probe found out about a service, for a person and for later commands. */
export interface Verdict {
  /** Short words: `store listing`. */
  readonly name: string;
  readonly verdict: 'ok' | 'warn' | 'fail';
  /** What was found. */
  readonly found: string;
  /** What to do; null for ok. */
  readonly remedy: string | null;
}

/** As it should be. */
export const fine = (name: string, found: string): Verdict => ({ name, verdict: 'ok', found, remedy: null });

/** Jobs run, with something to know. */
export const doubtful = (name: string, found: string, remedy: string): Verdict => ({
  name,
  verdict: 'warn',
  found,
  remedy,
});

/** Jobs cannot run, or their results cannot be trusted. */
export const broken = (name: string, found: string, remedy: string): Verdict => ({
  name,
  verdict: 'fail',
  found,
  remedy,
});
