/**
 * Rules that say what becomes of a failure; the first that matches decides, for an item inside an attempt and for an attempt as a whole.
 */
import type { Cause } from './causes.ts';

/** What is known of a failure. */
export interface FailureFacts {
  readonly cause: Cause;
  readonly exitCode?: number;
  /** Signal number. */
  readonly signal?: number;
  readonly errorClass?: string;
  readonly message?: string;
  /** The batch system's own word, e.g. `OUT_OF_MEMORY`. */
  readonly batchState?: string;
}

/** Every condition that is given must hold; within one, any of its values. */
export interface RuleCondition {
  readonly cause?: readonly Cause[];
  readonly exit?: readonly number[];
  readonly signal?: readonly number[];
  /** Patterns with `*` and `?`, held against `class`, `message` and `class: message`, ignoring case. */
  readonly error?: readonly string[];
}

/** `factor` of what was asked for, or so much more in bytes or ms. */
export type Raise = { readonly factor: number } | { readonly plus: number };

export type RuleAction =
  | {
      readonly do: 'retry';
      /** Absent: `retry.backoff`. */
      readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
      /** Further tries or attempts that this rule grants; absent: `retry.items` or `retry.attempts` decides. */
      readonly times?: number;
    }
  | {
      readonly do: 'escalate';
      readonly memory?: Raise;
      readonly time?: Raise;
      /** Most bytes and ms ever asked for; absent: what the partition has. */
      readonly maxMemoryBytes?: number;
      readonly maxTimeMs?: number;
      /** How often one task is escalated; afterwards the failure is treated as if this rule were not there. */
      readonly times: number;
      readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
    }
  | { readonly do: 'fail' };

export interface RetryRule {
  /** What `explain` and `plan` call it: `rule 2 (job.yaml:31)`, `built-in rule for oom`. */
  readonly name: string;
  readonly when: RuleCondition;
  readonly action: RuleAction;
}
