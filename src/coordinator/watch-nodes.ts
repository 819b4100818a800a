/**
 * Keeps account of the nodes of a job. What the elements of an array tell is stored on its outbox row when the row is closed, so that it is counted once however often a
 * pass is repeated; arrays that are alive are counted afresh in each pass.
 */
import { elementIdOf, type ElementId, type JobId } from '../domain/ids.ts';
import type { AvoidedNode, NodesItem, NodeTally } from '../domain/nodes.ts';
import { nodesKey } from '../domain/state-keys.ts';
import type { ElementState } from '../ports/batch-system.ts';
import type { StateTable, StateValue } from '../ports/state-table.ts';
import type { Observed } from './element-states.ts';
import { addTally, AVOID_MS, hasSuspects, judgeNodes, tallyNodes } from './judge-nodes.ts';
import type { SendContext } from './send.ts';
import { moveSubmission, type Submission } from './submissions.ts';

/** Nodes of one array that are remembered beyond its end: an item of the state table is small. */
const MOST_REMEMBERED = 40;

/** The nodes that a job avoids at this time. */
export async function readAvoidedNodes(state: StateTable, job: JobId, nowMs: number): Promise<AvoidedNode[]> {
  const item = (await state.get(nodesKey(job))) as NodesItem | null;
  return (item?.avoided ?? []).filter(({ untilMs }) => untilMs > nowMs);
}

/** Judges the nodes by all that is known. Returns those to avoid, and one sentence for each that is new. */
export async function watchNodes(
  { deps, job }: Pick<SendContext, 'deps' | 'job'>,
  rows: readonly Submission[],
  observed: Observed,
): Promise<{ readonly avoid: readonly string[]; readonly steps: readonly string[] }> {
  const nowMs = deps.clock.nowMs();
  const tallies = tallyNodes(elementsOf(rows, observed));
  for (const { nodes, submittedMs } of rows)
    if (nowMs - (submittedMs ?? 0) < AVOID_MS)
      for (const [node, tally] of Object.entries(nodes ?? {})) addTally(tallies, node, tally);
  // Hardly any job ever has a bad node: nothing is read for the others.
  if (!hasSuspects(tallies) && !rows.some(({ exclude }) => exclude !== undefined)) return { avoid: [], steps: [] };
  const known = await readAvoidedNodes(deps.state, job, nowMs);
  const avoided = judgeNodes(tallies, known, nowMs);
  const fresh = avoided.filter(({ node }) => !known.some((one) => one.node === node));
  if (fresh.length > 0)
    await deps.state.write(
      nodesKey(job),
      { set: { avoided: avoided as unknown as StateValue } },
      { op: 'or', of: [{ op: 'item-absent' }, { op: 'item-present' }] },
    );
  return {
    avoid: avoided.map(({ node }) => node),
    steps: fresh.map(({ node, why }) => `node ${node} is avoided for ${AVOID_MS / 3_600_000} h: ${why}`),
  };
}

/**
 * SUBMITTED → ENDED, for rows whose every element has ended. A row stays open while nobody has decided about an attempt of its elements, because
 * the batch system is asked about open rows only. Returns how many stay open for that.
 */
export async function closeRows(
  { deps, job }: Pick<SendContext, 'deps' | 'job'>,
  observed: Observed,
  undecided: ReadonlySet<ElementId>,
): Promise<number> {
  const closing = observed.over.filter((row) => !isOneOf(row, undecided));
  for (const row of closing) {
    const worst = [...tallyNodes(elementsOf([row], observed))]
      .toSorted(([, a], [, b]) => b.quick - a.quick || b.good - a.good)
      .slice(0, MOST_REMEMBERED);
    const nodes: Record<string, NodeTally> = Object.fromEntries(worst);
    const set = { state: 'ENDED', ...(worst.length === 0 ? {} : { nodes }) } as const;
    await moveSubmission(deps.state, job, row, { from: 'SUBMITTED', set });
  }
  return observed.over.length - closing.length;
}

/** Is any element of this submission among these? */
export const isOneOf = ({ handle, elements }: Submission, among: ReadonlySet<ElementId>): boolean =>
  among.size > 0 &&
  handle !== undefined &&
  Array.from({ length: elements }, (_, index) => elementIdOf(handle, index)).some((element) => among.has(element));

function elementsOf(rows: readonly Submission[], { elements }: Observed): ElementState[] {
  const arrays = new Set(rows.filter(({ kind }) => kind === 'array').map(({ handle }) => handle));
  return [...elements.values()].filter(({ id }) => arrays.has(id));
}
