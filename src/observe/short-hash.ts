import { createHash } from 'node:crypto';

/** Twelve hexadecimal digits that stand for a text in an id. */
export const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);
