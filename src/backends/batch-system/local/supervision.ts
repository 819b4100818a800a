import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../../../ports/clock.ts';
import type { Host } from '../../../ports/host.ts';
import type { Ids } from '../../../ports/random.ts';
import type { ElementTable } from './element-table.ts';
import type { ElementEvent, KillReason } from './events.ts';
import type { Journal } from './journal.ts';
import type { HostLayout, JobFiles } from './layout.ts';
import type { SubmissionReader } from './read-submission.ts';
import type { StoredRequest } from './stored-request.ts';

/** A submission that has not ended. */
export interface LiveSubmission {
  readonly number: number;
  readonly id: string;
  readonly files: JobFiles;
  readonly request: StoredRequest;
  readonly environment: Readonly<Record<string, string>>;
  readonly table: ElementTable;
  readonly journal: Journal;
  /** Known to hold from the first time it was seen to hold. */
  dependenciesEnded: boolean;
}

/** An element whose process is a child of this supervisor. Moments are monotonic milliseconds. */
export interface RunningElement {
  readonly submission: LiveSubmission;
  readonly index: number;
  readonly child: ChildProcess;
  readonly pid: number;
  readonly slots: number;
  readonly endAtMs: number;
  /** Infinity once it was given, or when there is none to give. */
  warnAtMs: number;
  /** Infinity until the element was asked to end. */
  killAtMs: number;
  why: KillReason | null;
}

/** Everything a supervisor knows; the functions beside this file act on it. */
export interface Supervision {
  readonly layout: HostLayout;
  /** Directory that holds the directories of all hosts. */
  readonly root: string;
  readonly token: string;
  readonly clock: Clock;
  readonly host: Host;
  readonly ids: Ids;
  readonly slots: number;
  readonly reader: SubmissionReader;
  /** By number, in the order of submission. */
  readonly live: Map<number, LiveSubmission>;
  /** Numbers that need no second look. */
  readonly seen: Set<number>;
  /** Numbers that cannot be read for the moment. */
  readonly troubled: Set<number>;
  readonly running: Set<RunningElement>;
  readonly log: (text: string) => void;
  /** Asks for a pass soon; `scan` also for a look at the directories. */
  readonly wake: (scan: boolean) => void;
  /** Set by SIGTERM: start nothing, end everything. */
  stopping: boolean;
}

/** Writes an event down and makes it true. False when the disk would not take it; it is true all the same, and is written later. */
export function record(submission: LiveSubmission, event: ElementEvent): boolean {
  submission.table.apply(event);
  return submission.journal.append(event);
}

/** Slots an element takes of `slots`: its CPUs, but never more than there are, so that every element can run. */
export const slotsOf = (request: Pick<StoredRequest, 'cpus'>, slots: number): number =>
  Math.max(1, Math.min(request.cpus, slots));

export function freeSlots(supervision: Supervision): number {
  let free = supervision.slots;
  for (const element of supervision.running) free -= element.slots;
  return free;
}
