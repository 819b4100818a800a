/** Fields that a list of jobs can be sorted by. */
export const JOB_ORDERS = ['created', 'name', 'state', 'items', 'failed'] as const;
export type JobOrder = (typeof JOB_ORDERS)[number];
