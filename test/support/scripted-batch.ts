import {
  HELD,
  type BatchHandle,
  type BatchSystem,
  type ElementState,
  type SubmitRequest,
} from '../../src/ports/batch-system.ts';

export interface ScriptedBatch extends BatchSystem {
  /** Accepted submissions in order. */
  readonly accepted: readonly { readonly request: SubmitRequest; readonly handle: BatchHandle }[];
  /** Lets every array element end, with this outcome. */
  endAll(state?: Partial<ElementState>): void;
  /** Lets this submission end well. */
  end(id: string): void;
  readonly cancelled: ReadonlySet<string>;
  readonly held: ReadonlySet<string>;
  /** Handles that were drained, in order. */
  readonly drained: readonly string[];
  isEnded(id: string): boolean;
  /** Throttles that were set, in order. */
  readonly throttles: readonly (readonly [id: string, most: number])[];
  /** Lets elements of this submission run, from the first on; the others wait. */
  run(id: string, elements: number): void;
}

/** A batch system that only remembers, for faults that no real one produces at a chosen moment. Elements wait until the test ends them. */
export function createScriptedBatch(options: { maxArraySize?: number; slots?: number } = {}): ScriptedBatch {
  const accepted: { request: SubmitRequest; handle: BatchHandle }[] = [];
  const ended = new Map<string, Partial<ElementState>>();
  const cancelled = new Set<string>();
  const held = new Set<string>();
  const drained: string[] = [];
  const throttles: [string, number][] = [];
  const running = new Map<string, number>();
  const stateOf = (id: string, index: number): ElementState => {
    const known = accepted.some(({ handle }) => handle.id === id);
    if (!known) return { id, index, phase: 'unknown', cause: null, rawState: '' };
    if (cancelled.has(id)) return { id, index, phase: 'ended', cause: 'cancelled-by-user', rawState: 'CANCELLED' };
    const end = ended.get(id);
    if (end === undefined && index < (running.get(id) ?? 0))
      return { id, index, phase: 'running', cause: null, rawState: 'RUNNING' };
    if (end === undefined)
      return {
        id,
        index,
        phase: 'waiting',
        cause: null,
        rawState: 'PENDING',
        ...(held.has(id) ? { reason: HELD } : {}),
      };
    return { id, index, phase: 'ended', cause: null, rawState: 'COMPLETED', ...end };
  };
  return {
    kind: 'local',
    accepted,
    cancelled,
    held,
    drained,
    throttles,
    isEnded: (id) => ended.has(id) || cancelled.has(id),
    run: (id, elements) => void running.set(id, elements),
    endAll(state = {}) {
      for (const { handle } of accepted) if (!ended.has(handle.id)) ended.set(handle.id, state);
    },
    end: (id) => void ended.set(id, {}),
    ping: async () => ({ ok: true, detail: 'scripted' }),
    limits: async () => ({
      maxArraySize: options.maxArraySize ?? 1_000,
      slots: options.slots ?? 4,
      maxTimeMs: null,
      maxMemoryBytes: null,
      sources: [],
    }),
    render: (request) => ({ argv: ['sbatch', request.name], script: '#!/bin/bash\n' }),
    async submit(request) {
      const handle = { id: String(100 + accepted.length) };
      accepted.push({ request, handle });
      return handle;
    },
    async find(names) {
      const found = accepted.filter(({ request }) => names.includes(request.name));
      return new Map(found.map(({ request, handle }) => [request.name, handle]));
    },
    states: async (handles) =>
      handles.flatMap(({ id, count }) => Array.from({ length: count }, (_, index) => stateOf(id, index))),
    async queued() {
      return accepted.flatMap(({ request, handle }) => {
        const states = Array.from({ length: request.array?.count ?? 1 }, (_, index) => stateOf(handle.id, index));
        const waiting = states.filter(({ phase }) => phase === 'waiting').length;
        const running = states.filter(({ phase }) => phase === 'running').length;
        return waiting + running === 0 ? [] : [{ handle, name: request.name, waiting, running, reasons: [] }];
      });
    },
    async cancel(handle) {
      cancelled.add(handle.id);
    },
    async hold(handle) {
      held.add(handle.id);
    },
    async release(handle) {
      held.delete(handle.id);
    },
    async drain(handle) {
      drained.push(handle.id);
    },
    async setThrottle(handle, most) {
      throttles.push([handle.id, most]);
    },
  };
}
