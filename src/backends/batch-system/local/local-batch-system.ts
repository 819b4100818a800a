import { availableParallelism, totalmem } from 'node:os';
import { formatBytes } from '../../../domain/units.ts';
import type { BatchHandle, BatchLimits, BatchSystem } from '../../../ports/batch-system.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Host } from '../../../ports/host.ts';
import type { Ids } from '../../../ports/random.ts';
import { askSupervisor } from './ask-supervisor.ts';
import { toldPlainly } from './cannot-write.ts';
import type { LocalContext } from './context.ts';
import { createEnsureSupervisor } from './ensure-supervisor.ts';
import { hostLayout, hostSegment } from './layout.ts';
import { locate } from './locate.ts';
import { isHeld, readHolder } from './lock.ts';
import { findByName, queryStates, queuedSubmissions, type NameCache } from './query.ts';
import { createSubmissionReader } from './read-submission.ts';
import { removeSubmission } from './store-submission.ts';
import { MAX_ARRAY_SIZE, renderLocally, submitLocally } from './submit.ts';
import { slotsOf } from './supervision.ts';

/**
 * The batch system of a machine without one: a detached supervisor process with N slots, and files below `root` by which clients and
 * the supervisor talk (layout.ts). Elements outlive the submitting shell; a dead supervisor is replaced by the next client
 * call that needs one, and its elements end as if their node had failed. Memory limits, partitions, accounts and QOS mean nothing here.
 */
export interface LocalBatchOptions {
  /** Directory of the local scheduler, `<home>/local`; may be shared by several hosts. */
  readonly root: string;
  /** Element slots of this host; an element takes `resources.cpus` of them. Default: its CPUs. */
  readonly slots?: number;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly host: Host;
  /** Text of templates/sbatch/worker.sh. */
  readonly template: string;
  /** Environment that elements inherit. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Compiled supervisor-main.js; default: found from this file. */
  readonly supervisorEntry?: string;
  /** The supervisor ends after this long with nothing to do. */
  readonly idleMs?: number;
}

export interface LocalBatchSystem extends BatchSystem {
  readonly kind: 'local';
  /** Ends a running element and starts it again under the same id with one restart more; any other element is left alone. */
  requeue(handle: BatchHandle, index: number): Promise<void>;
  /** Forgets ended submissions of this host; live ones, and those of other hosts, stay. Returns the ids forgotten. */
  prune(ids: readonly string[]): Promise<string[]>;
}

const DEFAULT_IDLE_MS = 3_000;

export function createLocalBatchSystem(options: LocalBatchOptions): LocalBatchSystem {
  const { root, clock, ids, host, template, env } = options;
  const layout = hostLayout(root, hostSegment(host.hostname));
  const slots = options.slots ?? availableParallelism();
  const { supervisorEntry: entry, idleMs = DEFAULT_IDLE_MS } = options;
  const context: LocalContext = {
    root,
    layout,
    slots,
    clock,
    ids,
    host,
    template,
    env,
    reader: createSubmissionReader(),
    ensureSupervisor: createEnsureSupervisor({
      root,
      layout,
      slots,
      idleMs,
      clock,
      host,
      env,
      ...(entry === undefined ? {} : { entry }),
    }),
  };
  const names: NameCache = new Map();
  const calls: Omit<LocalBatchSystem, 'kind' | 'render'> = {
    ping: async () => describe(context),
    limits: async ({ resources }) => limitsFor(context, options.slots === undefined, resources.cpus),
    submit: (request) => submitLocally(context, request),
    find: async (wanted) => findByName(context, names, wanted),
    states: (handles) => queryStates(context, handles),
    queued: async () => queuedSubmissions(context),
    cancel: (handle, indices) => askSupervisor(context, handle, cancelRequest(indices)),
    hold: (handle) => askSupervisor(context, handle, { op: 'hold' }),
    release: (handle) => askSupervisor(context, handle, { op: 'release' }),
    drain: (handle) => askSupervisor(context, handle, { op: 'drain' }),
    setThrottle: (handle, most) => askSupervisor(context, handle, { op: 'throttle', most }),
    requeue: (handle, index) => askSupervisor(context, handle, { op: 'requeue', index }),
    prune: async (wanted) => wanted.filter((id) => pruneOne(context, id)),
  };
  return { kind: 'local', render: (request) => renderLocally(template, request), ...toldPlainly(root, { ...calls }) };
}

const cancelRequest = (indices: readonly number[] | undefined) =>
  indices === undefined ? { op: 'cancel' as const } : { op: 'cancel' as const, indices };

function describe(context: LocalContext): { ok: boolean; detail: string } {
  const holder = readHolder(context.layout);
  const state = isHeld(holder, context) ? `supervisor ${holder.process}` : 'no supervisor needed at the moment';
  return { ok: true, detail: `local scheduler on ${context.host.hostname}, ${slotsNow(context)} slots, ${state}` };
}

/** A supervisor keeps the number it was started with. */
function slotsNow(context: LocalContext): number {
  const holder = readHolder(context.layout);
  return isHeld(holder, context) ? holder.slots : context.slots;
}

function limitsFor(context: LocalContext, isDefault: boolean, cpus: number): BatchLimits {
  const slots = slotsNow(context);
  const from =
    slots !== context.slots ? 'the running supervisor' : isDefault ? 'the CPUs of this host' : 'SLURMCTL_LOCAL_SLOTS';
  // More than the machine has can never be had, although nothing is enforced.
  const maxMemoryBytes = totalmem();
  return {
    maxArraySize: MAX_ARRAY_SIZE,
    slots: Math.max(1, Math.floor(slots / slotsOf({ cpus }, slots))),
    maxTimeMs: null,
    maxMemoryBytes,
    sources: [
      { name: 'MaxArraySize', value: String(MAX_ARRAY_SIZE), from: 'the local scheduler' },
      { name: 'slots', value: String(slots), from },
      { name: 'largest memory', value: formatBytes(maxMemoryBytes), from: 'the memory of this host' },
    ],
  };
}

function pruneOne(context: LocalContext, id: string): boolean {
  const found = locate(context.root, { id });
  if (found === null || found.layout.dir !== context.layout.dir) return false;
  if (context.reader.read(found.layout, found.number)?.final !== true) return false;
  removeSubmission(found.layout, found.number);
  context.reader.forget(found.layout, found.number);
  return true;
}
