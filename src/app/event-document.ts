import type { JobEvent } from '../domain/history.ts';
import type { EventDocument } from './decision-documents.ts';

/** What a person did, as documents tell it. */
export const eventDocument = ({ atMs, kind, by, text }: JobEvent): EventDocument => ({
  at: new Date(atMs).toISOString(),
  kind,
  by,
  text,
});
