import type { JobEvent } from '../domain/history.ts';
import type { EventDocument } from './documents.ts';

export const eventDocument = ({ atMs, kind, by, text }: JobEvent): EventDocument => ({
  at: new Date(atMs).toISOString(),
  kind,
  by,
  text,
});
