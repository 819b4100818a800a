/** Who is told what about a job, as settings and job files say it. */

/** What a rule may wait for. `once`: it comes true once in a generation of a job; the others come and go. */
export const ALERT_KINDS = {
  completed: { once: true, meaning: 'the job ended with an output that is within retry.tolerate' },
  failed: { once: true, meaning: 'the job ended as FAILED' },
  cancelled: { once: true, meaning: 'somebody cancelled the job' },
  ended: { once: true, meaning: 'the job ended, however it did' },
  stall: { once: false, meaning: 'no item was finished for so long' },
  'queue-wait': { once: false, meaning: 'tasks wait and none runs, for so long' },
  'error-rate': { once: false, meaning: 'the share of failed items among the finished ones' },
  'error-spike': { once: false, meaning: 'so many items failed within so long' },
  retry: { once: false, meaning: 'so many tasks wait for a retry' },
  timeout: { once: false, meaning: 'so many tasks ran out of time in their last attempt' },
  budget: {
    once: false,
    meaning:
      'so many tasks were given up, or the retry budget of the job is used up, so that tasks are retried one at a time',
  },
  deadline: {
    once: false,
    meaning:
      'the job did not end within so long after its submission, or after the `retry` that opened it again, or most likely will not',
  },
  quota: { once: false, meaning: 'the share of a quota that is used, of a rate limit that the job uses' },
} as const;
export type AlertKind = keyof typeof ALERT_KINDS;
export const ALERT_KIND_NAMES = Object.keys(ALERT_KINDS) as readonly AlertKind[];

export interface AlertRule {
  readonly when: AlertKind;
  /** Names of channels, and e-mail addresses. */
  readonly to: readonly string[];
  /** `stall`, `queue-wait`: how long. */
  readonly forMs?: number;
  /** `error-spike`: the time looked at; `deadline`: how long the job may take from its submission. */
  readonly withinMs?: number;
  /** `error-rate`, `quota`: percent; `error-spike`: items; `retry`, `timeout`, `budget`: tasks. */
  readonly above?: number;
}

/** Programs that are run when a job ends; each an argv, run once in each generation of the job. */
export const HOOK_EVENTS = ['completed', 'failed', 'cancelled', 'ended'] as const;
export type HookEvent = (typeof HOOK_EVENTS)[number];
export type JobHooks = Readonly<Partial<Record<HookEvent, readonly string[]>>>;

/** Text that may be followed by a secret, which stays where it is until it is used: `env:NAME` or `file:/path`. */
export type SecretReference =
  | { readonly from: 'env'; readonly name: string }
  | { readonly from: 'file'; readonly path: string };

/** Where a message goes. Secrets are references only. */
export type AlertChannel =
  | { readonly kind: 'mail'; readonly to: readonly string[] }
  | { readonly kind: 'webhook'; readonly url: string | SecretReference; readonly secret?: SecretReference }
  | { readonly kind: 'slack'; readonly url: SecretReference }
  /** Runs without a shell in `cwd`. */
  | { readonly kind: 'command'; readonly argv: readonly string[]; readonly cwd: string };

/** How mail leaves: through a server, or the program that hands it to the host's own. */
export interface MailSettings {
  readonly smtp?: {
    readonly host: string;
    readonly port: number;
    /** `tls`: from the first byte; `starttls`: required before anything else is said; `none`: in the clear. */
    readonly security: 'tls' | 'starttls' | 'none';
    readonly user?: string;
    readonly password?: SecretReference;
  };
  /** Absolute path. */
  readonly sendmail: string;
  readonly from?: string;
}

/** What settings say about alerts. */
export interface Alerting {
  readonly channels: Readonly<Record<string, AlertChannel>>;
  readonly mail: MailSettings;
  readonly rules: readonly AlertRule[];
}

/** A recipient that is an address needs no channel of its own. */
export const isMailAddress = (to: string): boolean => /^[^\s@<>,;:"()\\[\]]+@[A-Za-z0-9.-]+$/.test(to);
