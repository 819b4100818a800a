/** What a job saw of its compute nodes. */

/** Of the array elements on one node. */
export type NodeTally = {
  /** Elements that ended well, or worked for a while. */
  readonly good: number;
  /** Elements that ended badly before they can have done anything. */
  readonly quick: number;
  /** Longest run of a quick one, ms. */
  readonly slowestMs: number;
};

/** A node that later submissions of the job exclude. */
export type AvoidedNode = {
  readonly node: string;
  /** Epoch ms. */
  readonly sinceMs: number;
  readonly untilMs: number;
  /** One line for people: what happened there, and elsewhere. */
  readonly why: string;
};

/** State item `nodesKey(job)`; absent while no node was ever avoided. */
export type NodesItem = { readonly avoided: readonly AvoidedNode[] };
