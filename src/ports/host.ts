/** What a process knows of the host it runs on. */
export interface Host {
  /** `<hostname>:<pid>:<process start time>`: identifies this process, also after a pid is reused. */
  readonly processName: string;
  readonly hostname: string;
  /** Name of the user this process runs as. */
  readonly user: string;
  /** False only when `processName` is certainly dead: same host, and no process with that pid and start time. */
  mayBeAlive(processName: string): boolean;
  /** User plus system CPU time of this process, milliseconds. */
  cpuMs(): number;
  /** Most memory that was resident in this process at a time since it began, bytes. Programs that it started are not in it. */
  maxRssBytes(): number;
}
