/** How a job may be named, for every command that takes one. */
export const JOB_ARGUMENT = 'Job: its id, a unique prefix of it, its name (the newest of that name), or @last';
