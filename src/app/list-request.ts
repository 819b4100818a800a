import type { JobOrder } from '../domain/job-order.ts';
import { matchesPattern } from '../domain/match-rule.ts';
import type { JobState } from '../domain/states.ts';
import type { ListDocument } from './documents.ts';
import type { KnownJob } from './find-job.ts';

/** Which jobs are listed; a job has to fit everything that is given. */
export interface ListRequest {
  /** Also jobs that ended and are older than 14 days. A moment in `since` says the same from then on. */
  readonly all: boolean;
  readonly states?: readonly JobState[];
  /** With `*` for any characters and `?` for one, ignoring case. */
  readonly name?: string;
  readonly user?: string;
  /** Created at this moment or later. */
  readonly since?: { readonly atMs: number } | { readonly agoMs: number };
  readonly life?: 'live' | 'ended';
  readonly limit?: number;
  readonly sort?: JobOrder;
}

/** Finished jobs older than this are left out unless they are asked for. */
const RECENT_MS = 14 * 86_400_000;

/** Does the index alone rule the job out? Pure. */
export function mayBeListed(
  { name, createdMs, live, user }: Pick<KnownJob, 'name' | 'createdMs' | 'live' | 'user'>,
  { all, name: pattern, user: whose, since, life }: ListRequest,
  nowMs: number,
): boolean {
  if (life !== undefined && live !== (life === 'live')) return false;
  if (pattern !== undefined && !matchesPattern(pattern, name)) return false;
  if (whose !== undefined && whose !== user) return false;
  if (since !== undefined) return createdMs >= ('atMs' in since ? since.atMs : nowMs - since.agoMs);
  return all || live || nowMs - createdMs <= RECENT_MS;
}

type Listed = ListDocument['jobs'][number];

/** Newest first by default and among equals; counts from the largest down, words from A on. Pure. */
export function inOrder(jobs: readonly Listed[], sort: JobOrder = 'created'): Listed[] {
  const newest = jobs.toSorted((a, b) => compare(b.createdAt, a.createdAt));
  switch (sort) {
    case 'created':
      return newest;
    case 'name':
      return newest.toSorted((a, b) => compare(a.name, b.name));
    case 'state':
      return newest.toSorted((a, b) => compare(a.state, b.state));
    case 'items':
      return newest.toSorted((a, b) => b.items.total - a.items.total);
    case 'failed':
      return newest.toSorted((a, b) => b.items.failed - a.items.failed);
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The first jobs of all that fit, and how many are left. Pure. */
export function cutTo(jobs: readonly Listed[], limit: number | undefined): Pick<ListDocument, 'jobs' | 'more'> {
  const shown = limit === undefined ? jobs : jobs.slice(0, limit);
  return { jobs: shown, more: jobs.length - shown.length };
}
