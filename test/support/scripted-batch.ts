import type { BatchHandle, BatchSystem, ElementState, SubmitRequest } from '../../src/ports/batch-system.ts';

export interface ScriptedBatch extends BatchSystem {
  /** Accepted submissions in order. */
  readonly accepted: readonly { readonly request: SubmitRequest; readonly handle: BatchHandle }[];
  /** Lets every array element end, with this outcome. */
  endAll(state?: Partial<ElementState>): void;
  readonly cancelled: ReadonlySet<string>;
}

/** A batch system that only remembers, for faults that no real one produces at a chosen moment. Elements wait until the test ends them. */
export function createScriptedBatch(options: { maxArraySize?: number; slots?: number } = {}): ScriptedBatch {
  const accepted: { request: SubmitRequest; handle: BatchHandle }[] = [];
  const ended = new Map<string, Partial<ElementState>>();
  const cancelled = new Set<string>();
  const stateOf = (id: string, index: number): ElementState => {
    const known = accepted.some(({ handle }) => handle.id === id);
    if (!known) return { id, index, phase: 'unknown', cause: null, rawState: '' };
    if (cancelled.has(id)) return { id, index, phase: 'ended', cause: 'cancelled-by-user', rawState: 'CANCELLED' };
    const end = ended.get(id);
    if (end === undefined) return { id, index, phase: 'waiting', cause: null, rawState: 'PENDING' };
    return { id, index, phase: 'ended', cause: null, rawState: 'COMPLETED', ...end };
  };
  return {
    kind: 'local',
    accepted,
    cancelled,
    endAll(state = {}) {
      for (const { handle } of accepted) if (!ended.has(handle.id)) ended.set(handle.id, state);
    },
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
    async cancel(handle) {
      cancelled.add(handle.id);
    },
    hold: async () => undefined,
    release: async () => undefined,
    setThrottle: async () => undefined,
  };
}
