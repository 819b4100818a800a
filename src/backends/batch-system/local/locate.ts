import { readdirSync } from 'node:fs';
import { isMissing } from '../../shared/fs-errno.ts';
import type { BatchHandle } from '../../../ports/batch-system.ts';
import { readIfThere } from './files.ts';
import { hostLayout, isHostSegment, parseSubmissionId, type HostLayout } from './layout.ts';

export interface Located {
  readonly layout: HostLayout;
  readonly number: number;
}

/** Finds the directory of the host a handle belongs to: `cluster` names it, else the token in the id does. Null: nobody's. */
export function locate(root: string, handle: BatchHandle): Located | null {
  const parsed = parseSubmissionId(handle.id);
  if (parsed === null) return null;
  const named = handle.cluster !== undefined && isHostSegment(handle.cluster) ? [hostLayout(root, handle.cluster)] : [];
  for (const layout of [...named, ...hostLayouts(root)]) {
    if (readIfThere(layout.instance) === parsed.token) return { layout, number: parsed.number };
  }
  return null;
}

/** Every host that has used this root. */
export function hostLayouts(root: string): HostLayout[] {
  try {
    return readdirSync(root)
      .filter(isHostSegment)
      .map((segment) => hostLayout(root, segment));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
