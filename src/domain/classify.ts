/**
 * Names the cause of a failure from what was seen of it. Pure; the one list that decides, for elements of a batch system, crashed workers and items.
 *
 * The batch system's definite word comes first (`OUT_OF_MEMORY`, `PREEMPTED`), then what the failure says of itself in its class and message, then
 * how the process ended. An end by SIGKILL alone proves nothing about memory: it is `killed` unless something else speaks of memory.
 */
import { batchWord, cancelledBy, meaningOfWord } from './batch-words.ts';
import { isCause, type Cause } from './causes.ts';

/** What was seen; absent: not known. */
export interface EndFacts {
  /** State of the element in the batch system's words with their suffixes: `CANCELLED by 1000`; `UNKNOWN`: it knows no such element. */
  readonly batchState?: string | undefined;
  /** Its reason, e.g. `JobLaunchFailure`. */
  readonly batchReason?: string | undefined;
  /** User id the job runs under, which tells one's own cancellation from an administrator's. */
  readonly ownUid?: number | undefined;
  readonly exitCode?: number | undefined;
  /** Signal number. */
  readonly signal?: number | undefined;
  /** Of the error a handler or a worker ended with. */
  readonly errorClass?: string | undefined;
  /** What it said: the message, or the end of stderr. */
  readonly message?: string | undefined;
}

/** What a class or a message tells, the first that fits. */
const EVIDENCE: readonly { readonly cause: Cause; readonly said: readonly RegExp[] }[] = [
  {
    cause: 'oom',
    said: [
      // With a question mark it is a guess (ours, for one), not evidence.
      /\bout of memory\b(?!\?)/i,
      /\boom[-_ ]?kill/i,
      /OutOfMemory/,
      /MemoryError\b/,
      /\bstd::bad_alloc\b/,
      /\bENOMEM\b/,
      /\bcannot allocate (?:memory|vector of size)\b/i,
      /\bArray buffer allocation failed\b/,
      /\bexceeded (?:job|step) memory limit\b/i,
      /\bCUDA_ERROR_OUT_OF_MEMORY\b/,
    ],
  },
  {
    cause: 'disk-full',
    said: [
      /\bENOSPC\b/,
      /\bEDQUOT\b/,
      /\bno space left\b/i,
      /\bdisk quota exceeded\b/i,
      /\bdatabase or disk is full\b/i,
      /\b(?:SQLITE|SCRATCH|STORE)_FULL\b/,
      /\[Errno (?:28|122)\]/,
    ],
  },
  {
    cause: 'rate-limited',
    said: [
      /\btoo ?many ?requests/i,
      /\brate[-_ ]?limit/i,
      /\bthrottl(?:ed|ing)/i,
      /\bSlow_?Down\b/,
      /\b(?:RequestLimitExceeded|ProvisionedThroughputExceeded\w*)\b/,
      /\b(?:http|status|statuscode|code|error|response)\b[^\w\n]{0,4}(?:code\b)?[^\w\n]{0,4}429\b/i,
      /^\s*429\b(?!\s*(?:items?|rows?|bytes?|records?)\b)/m,
    ],
  },
  // What slurmstepd writes into the output of an element that it ends.
  { cause: 'time-limit', said: [/\bCANCELLED AT \S+ DUE TO TIME LIMIT\b/] },
  { cause: 'preempted', said: [/\bCANCELLED AT \S+ DUE TO PREEMPTION\b/] },
  { cause: 'node-fail', said: [/\bCANCELLED AT \S+ DUE TO NODE FAILURE\b/] },
];

/** Of a failure: facts of a good end (`COMPLETED`, exit 0) mean that it came in the middle of the work. */
export function classify(facts: EndFacts): Cause {
  const { errorClass, batchState } = facts;
  // What slurmctl found itself has its cause as its class, and a handler may say so too.
  if (isCause(errorClass)) return errorClass;
  const over = batchState === undefined ? 'by-exit' : wordFor(batchState);
  if (over === 'by-owner') return whoCancelled(batchState ?? '', facts.ownUid);
  if (over !== 'by-exit') return over;
  return saidCause(`${errorClass ?? ''}\n${facts.message ?? ''}`) ?? causeOfExit(facts);
}

/** A word that is not known leaves it to the exit, so that a new release of Slurm does not hide what an exit code says. */
function wordFor(batchState: string): Cause | 'by-exit' | 'by-owner' {
  if (batchState.trim() === 'UNKNOWN') return 'lost';
  return meaningOfWord(batchState)?.over ?? 'by-exit';
}

function whoCancelled(batchState: string, ownUid: number | undefined): Cause {
  const uid = cancelledBy(batchState);
  return uid === null || ownUid === undefined || uid === ownUid ? 'cancelled-by-user' : 'cancelled-by-admin';
}

const saidCause = (text: string): Cause | null =>
  EVIDENCE.find(({ said }) => said.some((pattern) => pattern.test(text)))?.cause ?? null;

function causeOfExit({ batchState, batchReason, exitCode, signal, errorClass }: EndFacts): Cause {
  if (signal !== undefined && signal > 0) return 'killed';
  const word = batchState === undefined ? null : batchWord(batchState);
  // Slurm writes this reason also beside a script that a signal ended, which is not a failed launch.
  if (word === 'FAILED' && batchReason === 'JobLaunchFailure') return 'launch-failed';
  // Shells and container runtimes hand on the death of their child by a signal as 128 + signal.
  if (exitCode !== undefined && exitCode > 128 && exitCode <= 128 + 64) return 'killed';
  if (errorClass !== undefined) return 'handler-error';
  if (exitCode === undefined || (exitCode === 0 && word !== 'COMPLETED')) return 'unknown';
  return 'worker-error';
}
