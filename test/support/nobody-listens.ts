/**
 * An endpoint that refuses connections: the discard port. A port that was free a moment ago will not do,
 * since the next server of another test may get it.
 */
export const NOBODY_LISTENS = 'http://127.0.0.1:9';
