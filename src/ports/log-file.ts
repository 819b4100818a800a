/** The log of an attempt on node-local disk, so that it outlives its process. Nothing here throws: work matters more. */
export interface LogFile {
  /** False: the text could not be written, and nothing is from here on. */
  append(text: string): boolean;
  close(): void;
}

export interface LogFiles {
  create(path: string): LogFile;
  /** The whole lines among the first `mostBytes`; null when there are none. */
  read(path: string, mostBytes: number): string | null;
}
