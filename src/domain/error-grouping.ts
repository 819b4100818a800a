/** What `analyze-errors` can group failures by. */
export const GROUPINGS = ['fingerprint', 'cause', 'node', 'time', 'task'] as const;
export type Grouping = (typeof GROUPINGS)[number];
