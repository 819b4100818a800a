/** What `alert test` and `alert list` return. */
import type { AlertKind, HookEvent } from '../domain/alert-rule.ts';

export interface AlertTestDocument {
  readonly schema: 'slurmctl.alert-test/1';
  readonly channel: string;
  /** Where it went, without secrets. */
  readonly to: string;
  /** What a program printed last, or which of several recipients were refused; empty when there is nothing to say. */
  readonly detail: string;
}

export interface AlertListDocument {
  readonly schema: 'slurmctl.alert-list/1';
  readonly channels: readonly { readonly name: string; readonly to: string }[];
  /** Rules of the settings; those of job files are in the job files. */
  readonly rules: readonly { readonly when: string; readonly to: readonly string[]; readonly figures: string }[];
  /** What waits to be sent, and what was sent or given up lately, oldest first. */
  readonly messages: readonly {
    readonly id: string;
    readonly kind: 'message' | 'hook';
    readonly jobId: string;
    readonly event: AlertKind | HookEvent | 'test';
    readonly to: string;
    /** `given-up`: a message that nobody could send for a week, a hook that failed. */
    readonly state: 'waiting' | 'sending' | 'sent' | 'given-up';
    readonly tries: number;
    readonly createdAt: string;
    /** When its host tries again; null unless a try failed and another one follows. */
    readonly nextAt: string | null;
    /** Of the last try: why it failed, or what a program printed last; or why there was none. Null when there is nothing to say. */
    readonly detail: string | null;
  }[];
}
