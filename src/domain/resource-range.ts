/** What an array element can ask for, in a job file and on a command line; what a partition allows is usually less. */
export const LEAST_MEMORY_BYTES = 1024 ** 2;
export const MOST_MEMORY_BYTES = 64 * 1024 ** 4;
export const LEAST_TIME_MS = 1_000;
