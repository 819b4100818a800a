import type { Cause } from '../domain/causes.ts';
import type { HandlerSpec } from '../domain/job-spec.ts';
import type { Log } from './log.ts';

/** Loads and calls the user's function or program. */
export interface HandlerHost {
  /** @throws HANDLER_NOT_LOADABLE with the place in the user's file */
  load(spec: HandlerSpec, baseDir: string): Promise<LoadedHandler>;
}

export interface LoadedHandler {
  /**
   * One try at one item. Never rejects for what the handler did: that is `failed`. `json` is the payload's exact JSON text, which commands get
   * on stdin; absent: made from the payload.
   */
  run(payload: unknown, context: HandlerContext, json?: string): Promise<HandlerResult>;
  close(): Promise<void>;
}

/** What a module handler gets as its second argument. Documented in docs/handlers.md; fields are never removed. */
export interface HandlerContext {
  /** Aborted at the item's timeout and when the worker drains. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** 1-based try at this item. */
  readonly attempt: number;
  readonly job: { readonly id: string; readonly name: string };
  readonly task: { readonly id: string };
  readonly item: { readonly id: string; readonly index: number };
  /** Private node-local directory of this task; emptied when the task ends. */
  readonly scratch: string;
}

export type HandlerResult =
  | { readonly ok: true; readonly output: unknown }
  | {
      readonly ok: false;
      readonly cause: Cause;
      readonly errorClass: string;
      readonly errorMessage: string;
      /** Stack or the end of stderr, for the log. */
      readonly detail?: string;
      /** For commands. */
      readonly exitCode?: number;
      readonly signal?: string;
    };
