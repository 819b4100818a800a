/**
 * A small Slurm: arrays, nodes with slots, time limits with their signals, requeues, preemption, dead nodes whose processes live on,
 * accounting that lags, and an sbatch whose answer is lost.
 */
import type { Cause } from '../../../src/domain/causes.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import {
  HELD,
  type BatchHandle,
  type BatchSystem,
  type ElementState,
  type SubmitRequest,
} from '../../../src/ports/batch-system.ts';
import type { Chance } from '../core/chance.ts';
import type { SimNode } from '../core/nodes.ts';
import { isAlive, type Processes, type SimProcess } from '../core/processes.ts';
import type { Trace } from '../core/trace.ts';
import type { Scheduled, VirtualTime } from '../core/virtual-time.ts';

export interface SimElement {
  readonly submission: SimSubmission;
  readonly index: number;
  phase: 'waiting' | 'running' | 'ended';
  restarts: number;
  node: SimNode | null;
  process: SimProcess | null;
  endedMs: number;
  end: {
    readonly cause: Cause | null;
    readonly rawState: string;
    readonly exitCode?: number;
    readonly signal?: number;
  };
  /** What the batch system has decided already, while the process is still ending. */
  fate: { readonly cause: Cause; readonly rawState: string } | 'requeue' | null;
  /** Started no earlier than this. */
  notBeforeMs: number;
  timers: Scheduled[];
  /** How long accounting takes to know of its end. */
  lagMs: number;
}

export interface SimSubmission {
  readonly id: string;
  readonly request: SubmitRequest;
  readonly acceptedMs: number;
  /** From here on `find` and `states` show it. */
  readonly visibleMs: number;
  readonly elements: SimElement[];
  /** Its waiting elements do not start. */
  held: boolean;
  readonly by: SimProcess;
}

export interface SlurmOptions {
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly trace: Trace;
  readonly processes: Processes;
  readonly nodes: readonly SimNode[];
  readonly slotsPerNode: number;
  readonly maxArraySize: number;
  /** Longest that accounting lags behind; Infinity: there is no accounting, and an end is forgotten after five minutes. */
  readonly accountingLagMs: number;
  /** Share of submit calls refused because of a limit. */
  readonly limited: number;
  /** `find` knows nothing; for proofs that looking first is needed. */
  readonly isBlind?: boolean;
  /** The program that the script runs. */
  readonly launch: (element: SimElement, endsAtMs: number) => SimProcess;
  /** What the script runs when that was killed; null: nothing. */
  readonly afterCrash: (element: SimElement, process: SimProcess) => SimProcess | null;
  readonly onSubmit: (process: SimProcess, request: SubmitRequest) => void;
}

export interface SimSlurm {
  portOf(process: SimProcess): BatchSystem;
  readonly submissions: readonly SimSubmission[];
  /** Attempts whose process it killed for its own reasons: node death, preemption, requeue. */
  readonly infraDeaths: ReadonlySet<string>;
  running(): SimElement[];
  live(): SimElement[];
  /** The worker of an element is killed because it took too much memory. */
  runOutOfMemory(element: SimElement): void;
  /** scancel of one element. */
  cancelElement(element: SimElement): void;
  preempt(element: SimElement, graceMs: number, requeues: boolean): void;
  /** SIGTERM, to a zombie for instance. */
  terminate(process: SimProcess): void;
  /** `survives`: the old process goes on as a zombie. */
  requeue(element: SimElement, survives: boolean): void;
  nodeDies(node: SimNode, options: { readonly survives: boolean; readonly noticedMs: number }): void;
  nodeReturns(node: SimNode): void;
  /** Accounting is up to date from here on. */
  heal(): void;
}

const KILLED = { cause: 'killed', rawState: 'FAILED', signal: 9 } as const;
const OUT_OF_MEMORY = { cause: 'oom', rawState: 'OUT_OF_MEMORY' } as const;
const KILL_WAIT_MS = 30_000;
const MIN_JOB_AGE_MS = 300_000;
const EPOCH_MS = 1_700_000_000_000;

const error = (code: 'BATCH_UNREACHABLE' | 'BATCH_UNCERTAIN' | 'BATCH_LIMIT') => (): AppError =>
  new AppError(code, { message: 'simulated: the controller is busy' });

export function createSimSlurm(options: SlurmOptions): SimSlurm {
  const { time, chance, trace, processes, nodes } = options;
  const submissions: SimSubmission[] = [];
  const infraDeaths = new Set<string>();
  let healed = false;
  const all = (): SimElement[] => submissions.flatMap(({ elements }) => elements);
  const name = (element: SimElement): string => `${element.submission.id}_${element.index}`;
  const log = (what: string): void => trace.add('slurm', what);

  const setTimers = (element: SimElement, timers: Scheduled[]): void => {
    for (const timer of element.timers) timer.cancel();
    element.timers = timers;
  };
  const finish = (element: SimElement, end: SimElement['end']): void => {
    if (element.phase === 'ended') return;
    setTimers(element, []);
    Object.assign(element, { phase: 'ended', end, endedMs: time.nowMs(), process: null, fate: null });
    log(`${name(element)} ended ${end.rawState}`);
    time.after(chance.between(100, 3_000), false, schedule);
  };
  const requeueNow = (element: SimElement): void => {
    setTimers(element, []);
    Object.assign(element, {
      phase: 'waiting',
      restarts: element.restarts + 1,
      process: null,
      node: null,
      fate: null,
      notBeforeMs: time.nowMs() + chance.between(1_000, chance.one(0.3) ? 60_000 : 15_000),
    });
    log(`${name(element)} requeued (restart ${element.restarts})`);
    time.after(element.notBeforeMs - time.nowMs() + 1, false, schedule);
  };
  const processEnded = (element: SimElement, process: SimProcess, code: number | null): void => {
    if (element.process !== process) return;
    const { fate } = element;
    if (fate === 'requeue') return requeueNow(element);
    if (fate !== null) return finish(element, { ...fate });
    // A process that nobody told the batch system to kill died by a signal.
    if (code === null) return finish(element, KILLED);
    finish(
      element,
      code === 0
        ? { cause: null, rawState: 'COMPLETED', exitCode: 0 }
        : { cause: 'worker-error', rawState: 'FAILED', exitCode: code },
    );
  };
  /** The script outlives a worker that was killed alone, and ends when its death was reported. */
  const workerEnded = (element: SimElement, process: SimProcess, code: number | null): void => {
    const alone = element.fate === null || element.fate === OUT_OF_MEMORY;
    const reporter =
      element.process === process && code === null && alone ? options.afterCrash(element, process) : null;
    if (reporter === null) return processEnded(element, process, code);
    element.process = reporter;
    reporter.onEnd.push((reporterCode) => {
      if (element.process === reporter && element.fate === null) finish(element, KILLED);
      else processEnded(element, reporter, reporterCode);
    });
  };
  const terminate = (process: SimProcess): void => {
    if (!isAlive(process)) return;
    trace.add(process.name, `gets SIGTERM`);
    if (process.kind === 'worker') processes.deliver(process, () => process.stop.abort('drain:terminated'));
    else processes.kill(process, 'SIGTERM');
  };
  const endOf = (element: SimElement, fate: NonNullable<SimElement['fate']>, graceMs: number): void => {
    const { process } = element;
    if (element.phase !== 'running' || process === null) return;
    if (element.fate !== null) return;
    element.fate = fate;
    if (graceMs > 0) time.after(0, true, () => terminate(process));
    setTimers(element, [
      ...element.timers,
      time.after(graceMs, true, () => {
        if (element.process !== process || !isAlive(process)) return;
        const isInfra = element.fate === 'requeue' || element.fate?.cause === 'preempted';
        if (isInfra && process.attempt !== null) infraDeaths.add(process.attempt);
        processes.kill(process, 'SIGKILL from the batch system');
      }),
    ]);
  };
  const start = (element: SimElement, node: SimNode): void => {
    const { request } = element.submission;
    const { timeMs } = request.resources;
    const endsAtMs = Math.floor((EPOCH_MS + time.nowMs() + timeMs) / 1_000) * 1_000;
    Object.assign(element, { phase: 'running', node, fate: null });
    const process = options.launch(element, endsAtMs);
    element.process = process;
    process.onEnd.push((code) => workerEnded(element, process, code));
    setTimers(element, [
      time.after(timeMs - request.warnBeforeEndSec * 1_000, true, () => {
        if (element.process !== process || process.kind !== 'worker') return;
        trace.add(process.name, 'gets SIGUSR2');
        processes.deliver(process, () => process.stop.abort('drain:time-limit'));
      }),
      time.after(timeMs, false, () => endOf(element, { cause: 'time-limit', rawState: 'TIMEOUT' }, KILL_WAIT_MS)),
    ]);
  };
  const isStartable = (element: SimElement): boolean => {
    const { request } = element.submission;
    if (element.phase !== 'waiting' || element.notBeforeMs > time.nowMs() || element.submission.held) return false;
    return (request.after ?? []).every(({ id }) => {
      const other = submissions.find((one) => one.id === id);
      return other === undefined || other.elements.every(({ phase }) => phase === 'ended');
    });
  };
  function schedule(): void {
    for (const element of chance.shuffled(all().filter(isStartable))) {
      const free = nodes.filter(
        (node) =>
          !node.down &&
          all().filter((one) => one.node === node && one.phase === 'running').length < options.slotsPerNode,
      );
      if (free.length === 0) return;
      start(element, chance.pick(free));
    }
  }
  const accept = (process: SimProcess, request: SubmitRequest): BatchHandle => {
    const id = String(100 + submissions.length);
    const submission: SimSubmission = {
      id,
      request,
      acceptedMs: time.nowMs(),
      visibleMs: time.nowMs() + (chance.one(0.3) ? chance.between(0, 8_000) : 0),
      elements: [],
      held: false,
      by: process,
    };
    for (let index = 0; index < (request.array?.count ?? 1); index += 1)
      submission.elements.push({
        submission,
        index,
        phase: 'waiting',
        restarts: 0,
        node: null,
        process: null,
        endedMs: 0,
        end: { cause: null, rawState: '' },
        fate: null,
        notBeforeMs: time.nowMs() + (request.beginAfterSec ?? 0) * 1_000 + chance.between(100, 10_000),
        timers: [],
        lagMs: chance.one(0.5) ? chance.between(0, Math.min(options.accountingLagMs, 180_000)) : 0,
      });
    submissions.push(submission);
    for (const { notBeforeMs } of submission.elements) time.after(notBeforeMs - time.nowMs() + 1, false, schedule);
    log(`accepts ${request.name} as ${id}: ${submission.elements.length} elements`);
    return { id };
  };
  const cancelElement = (element: SimElement): void => {
    const cancelled = { cause: 'cancelled-by-user', rawState: 'CANCELLED' } as const;
    if (element.phase === 'waiting') return finish(element, cancelled);
    if (element.fate === 'requeue') element.fate = cancelled;
    else endOf(element, cancelled, KILL_WAIT_MS);
  };
  const setHeld = (id: string, held: boolean): void => {
    const submission = submissions.find((one) => one.id === id);
    if (submission === undefined) return;
    submission.held = held;
    if (!held) time.after(1, false, schedule);
  };
  const stateOf = (id: string, index: number): ElementState => {
    const submission = submissions.find((one) => one.id === id);
    const element = submission?.elements[index];
    const unknown: ElementState = { id, index, phase: 'unknown', cause: null, rawState: '' };
    if (submission === undefined || element === undefined || submission.visibleMs > time.nowMs()) return unknown;
    const { phase, restarts, node } = element;
    const where = node === null ? {} : { node: node.name };
    if (phase !== 'ended')
      return {
        id,
        index,
        phase,
        cause: null,
        rawState: phase === 'waiting' ? 'PENDING' : 'RUNNING',
        restarts,
        ...where,
        ...(phase === 'waiting' && submission.held ? { reason: HELD } : {}),
      };
    const sinceMs = time.nowMs() - element.endedMs;
    if (!healed && sinceMs < element.lagMs) return unknown;
    if (options.accountingLagMs === Infinity && sinceMs > MIN_JOB_AGE_MS) return unknown;
    return { id, index, phase, restarts, ...where, ...element.end };
  };

  const portOf = (process: SimProcess): BatchSystem => {
    const call = <T>(label: string, effect: 'read' | 'write', apply: () => T, show?: (value: T) => string) =>
      processes.perform(process, {
        port: 'batch',
        label,
        effect,
        refused: error('BATCH_UNREACHABLE'),
        apply,
        ...(show === undefined ? {} : { show }),
      });
    return {
      kind: 'slurm',
      ping: async () => ({ ok: true, detail: 'simulated' }),
      limits: () =>
        call('limits', 'read', () => ({
          maxArraySize: options.maxArraySize,
          slots: nodes.length * options.slotsPerNode,
          maxTimeMs: null,
          maxMemoryBytes: null,
          sources: [],
        })),
      render: (request) => ({ argv: ['sbatch', request.name], script: '#!/bin/bash\n' }),
      submit: (request) =>
        processes.perform(process, {
          port: 'batch',
          label: `submit ${request.name}`,
          effect: 'write',
          refused: error('BATCH_UNREACHABLE'),
          uncertain: error('BATCH_UNCERTAIN'),
          lateMs: 8_000,
          apply: () => {
            if (!healed && chance.one(options.limited)) throw error('BATCH_LIMIT')();
            options.onSubmit(process, request);
            return accept(process, request);
          },
          show: ({ id }) => id,
        }),
      find: (names) =>
        call(
          `find ${names.join(' ')}`,
          'read',
          () => {
            const seen =
              options.isBlind === true ? [] : submissions.filter(({ visibleMs }) => visibleMs <= time.nowMs());
            return new Map(
              seen
                .filter(({ request }) => names.includes(request.name))
                .map(({ request, id }) => [request.name, { id }]),
            );
          },
          (found) => [...found.values()].map(({ id }) => id).join(' ') || 'nothing',
        ),
      states: (handles) =>
        call(
          `states of ${handles.map(({ id }) => id).join(' ')}`,
          'read',
          () => handles.flatMap(({ id, count }) => Array.from({ length: count }, (_, index) => stateOf(id, index))),
          (states) => states.map(({ id, index, phase }) => `${id}_${index} ${phase}`).join(', '),
        ),
      queued: () =>
        call('queue', 'read', () =>
          submissions.flatMap(({ id, request, elements }) => {
            const waiting = elements.filter(({ phase }) => phase === 'waiting').length;
            const running = elements.filter(({ phase }) => phase === 'running').length;
            return waiting + running === 0
              ? []
              : [{ handle: { id }, name: request.name, waiting, running, reasons: [] }];
          }),
        ),
      cancel: ({ id }, indices) =>
        call(`cancel ${id}`, 'write', () => {
          const elements = submissions.find((one) => one.id === id)?.elements ?? [];
          for (const element of elements) if (indices?.includes(element.index) ?? true) cancelElement(element);
        }),
      hold: ({ id }) => call(`hold ${id}`, 'write', () => setHeld(id, true)),
      release: ({ id }) => call(`release ${id}`, 'write', () => setHeld(id, false)),
      drain: ({ id }) =>
        call(`drain ${id}`, 'write', () => {
          for (const element of all())
            if (element.submission.id === id && element.process !== null) terminate(element.process);
        }),
      setThrottle: () => Promise.resolve(),
    };
  };

  return {
    portOf,
    submissions,
    infraDeaths,
    running: () => all().filter(({ phase }) => phase === 'running'),
    live: () => all().filter(({ phase }) => phase !== 'ended'),
    cancelElement,
    terminate,
    runOutOfMemory(element) {
      if (element.process === null || element.fate !== null) return;
      element.fate = OUT_OF_MEMORY;
      processes.kill(element.process, 'out of memory');
    },
    preempt(element, graceMs, requeues) {
      endOf(element, requeues ? 'requeue' : { cause: 'preempted', rawState: 'PREEMPTED' }, graceMs);
    },
    requeue(element, survives) {
      if (element.phase !== 'running') return;
      if (survives) requeueNow(element);
      else endOf(element, 'requeue', KILL_WAIT_MS);
    },
    nodeDies(node, { survives, noticedMs }) {
      log(`${node.name} dies${survives ? ', its processes live on' : ''}`);
      node.down = true;
      const lost = all().filter((one) => one.node === node && one.phase === 'running');
      for (const element of lost) {
        const { process } = element;
        setTimers(element, []);
        if (!survives && process !== null) {
          element.process = null;
          if (isAlive(process) && process.attempt !== null) infraDeaths.add(process.attempt);
          processes.kill(process, 'its node died');
        }
        time.after(noticedMs, false, () => {
          const isSame = element.process === (survives ? process : null);
          if (element.phase !== 'running' || !isSame) return;
          if (element.submission.request.requeue && chance.one(0.5)) requeueNow(element);
          else finish(element, { cause: 'node-fail', rawState: 'NODE_FAIL' });
        });
      }
    },
    nodeReturns(node) {
      log(`${node.name} returns`);
      node.down = false;
      schedule();
    },
    heal() {
      healed = true;
      for (const node of nodes) node.down = false;
      time.after(1, false, schedule);
    },
  };
}
