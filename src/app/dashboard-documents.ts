/** What `dashboard` returns: the written file, or the address at which the page is served. */
export interface DashboardDocument {
  readonly schema: 'slurmctl.dashboard/1';
  readonly jobId: string;
  /** The file and its length; null with `--serve`. */
  readonly path: string | null;
  readonly bytes: number | null;
  /** Where the page is served, with the token that whoever opens it must have; null for a file. */
  readonly url: string | null;
}
