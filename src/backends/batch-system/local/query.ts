import { join } from 'node:path';
import type { BatchHandle, BatchSystem, ElementState, QueuedSubmission } from '../../../ports/batch-system.ts';
import type { LocalContext } from './context.ts';
import { elementStates, unknownElement } from './element-states.ts';
import { readIfThere } from './files.ts';
import { submissionId } from './layout.ts';
import { hostLayouts, locate, type Located } from './locate.ts';
import { readHolder, SILENT_AFTER_MS } from './lock.ts';
import type { SubmissionView } from './read-submission.ts';
import { listNumbers } from './store-submission.ts';
import { parseStoredRequest } from './stored-request.ts';

type StateHandles = Parameters<BatchSystem['states']>[0];

export async function queryStates(context: LocalContext, handles: StateHandles): Promise<ElementState[]> {
  const looked = handles.map((handle) => {
    const found = locate(context.root, handle);
    return { handle, found, view: found === null ? null : context.reader.read(found.layout, found.number) };
  });
  const isHere = (found: Located | null): boolean => found?.layout.dir === context.layout.dir;
  if (looked.some(({ found, view }) => isHere(found) && view !== null && needsSupervisor(view))) {
    await context.ensureSupervisor();
  }
  return looked.flatMap(({ handle, found, view }) => {
    const { id, count } = handle;
    if (found === null || view === null) {
      return Array.from({ length: count }, (_, index) => unknownElement(id, index, `not known below ${context.root}`));
    }
    const { hostname } = found.layout;
    const states = elementStates(view, { id, count, hostname, nowMs: context.clock.nowMs() });
    return isHere(found) || view.final ? states : states.map((state) => asSeenFromElsewhere(context, found, state));
  });
}

const needsSupervisor = ({ final, table }: SubmissionView): boolean =>
  !final && !(table.held && table.running.size === 0);

/** Pids of another host mean nothing here: what is not ended counts only while its supervisor shows that it lives. */
function asSeenFromElsewhere(context: LocalContext, { layout }: Located, state: ElementState): ElementState {
  if (state.phase === 'ended') return state;
  const holder = readHolder(layout);
  const isFresh = holder !== null && holder.process !== null && context.clock.nowMs() - holder.seenMs < SILENT_AFTER_MS;
  return isFresh ? state : unknownElement(state.id, state.index, `runs on host ${layout.hostname}; ask there`);
}

/** Requests never change, so that a name is read once. */
export type NameCache = Map<string, string>;

export function findByName(
  context: LocalContext,
  cache: NameCache,
  names: readonly string[],
): ReadonlyMap<string, BatchHandle> {
  const wanted = new Set(names);
  const found = new Map<string, BatchHandle>();
  if (wanted.size === 0) return found;
  for (const layout of hostLayouts(context.root)) {
    const token = readIfThere(layout.instance);
    if (token === null) continue;
    for (const number of listNumbers(layout.jobs)) {
      const path = join(layout.jobs, String(number), 'request.json');
      const name = cache.get(path) ?? nameIn(path);
      if (name === null) continue;
      cache.set(path, name);
      if (wanted.has(name)) found.set(name, { id: submissionId(token, number), cluster: layout.hostname });
    }
  }
  return found;
}

/** Of other hosts too, as far as what their supervisors last wrote goes. Starts nothing. */
export function queuedSubmissions(context: LocalContext): QueuedSubmission[] {
  const nowMs = context.clock.nowMs();
  return hostLayouts(context.root).flatMap((layout) => {
    const token = readIfThere(layout.instance);
    if (token === null) return [];
    return listNumbers(layout.jobs).flatMap((number) => {
      const view = context.reader.read(layout, number);
      if (view === null || view.final) return [];
      const { hostname } = layout;
      const id = submissionId(token, number);
      const states = elementStates(view, { id, count: view.table.count, hostname, nowMs });
      const waiting = states.filter(({ phase }) => phase === 'waiting');
      const running = states.filter(({ phase }) => phase === 'running').length;
      if (waiting.length + running === 0) return [];
      return [
        {
          handle: { id, cluster: hostname },
          name: view.request.name,
          waiting: waiting.length,
          running,
          reasons: reasonsOf(waiting),
        },
      ];
    });
  });
}

function nameIn(path: string): string | null {
  const text = readIfThere(path);
  return text === null ? null : (parseStoredRequest(text)?.name ?? null);
}

function reasonsOf(waiting: readonly ElementState[]): QueuedSubmission['reasons'] {
  const found = new Map<string, number>();
  for (const { reason } of waiting) if (reason !== undefined) found.set(reason, (found.get(reason) ?? 0) + 1);
  return [...found].map(([reason, elements]) => ({ reason, elements })).toSorted((a, b) => b.elements - a.elements);
}
