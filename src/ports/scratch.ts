/** Node-local disk for SQLite files and merges. */
export interface Scratch {
  /** @throws SCRATCH_UNFIT when the chosen directory is missing, not writable, or on a network file system. */
  check(): ScratchVerdict;
  /** A new private directory (0700), removed by `dispose`. @throws SCRATCH_UNFIT, SCRATCH_FULL */
  open(purpose: string): Promise<ScratchDir>;
}

export interface ScratchDir {
  readonly path: string;
  dispose(): Promise<void>;
}

export interface ScratchVerdict {
  readonly path: string;
  /** Where the choice came from: `SLURMCTL_SCRATCH`, `SLURM_TMPDIR`, `TMPDIR`, `default`. */
  readonly source: string;
  /** `ext4`, `xfs`, `tmpfs`, `nfs` … or the magic number in hex. */
  readonly fileSystem: string;
  readonly network: boolean;
  readonly freeBytes: number;
}
