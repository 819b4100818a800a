/**
 * Durable truth: immutable byte strings under keys. Contract (test/contract/object-store.contract.ts):
 * - a reader sees a whole object or none; a `put` that throws leaves the old object or none, never a part;
 * - `put` over an existing key replaces it atomically (callers use it only for pointers and for deterministic content);
 * - keys are `/`-separated, sorted by UTF-8 bytes; a key that would leave the root is refused with STORE_BAD_KEY;
 * - absent is `null` (or an absent list entry); everything else that goes wrong throws a STORE_* AppError.
 */
export interface ObjectInfo {
  readonly key: string;
  readonly bytes: number;
}

export interface StoredObject extends ObjectInfo {
  /** sha-256 (hex) of the bytes written. */
  readonly sha256: string;
}

export type ObjectBody = string | Uint8Array | AsyncIterable<Uint8Array>;

export interface ReadOptions {
  /** Expected sha-256 (hex); a mismatch throws STORE_CORRUPT (for streams: at the end, before the stream ends normally). */
  readonly sha256?: string;
  readonly signal?: AbortSignal;
}

export interface ObjectStore {
  /** The URL that opens this store again, e.g. `file:///data/run/.slurmctl/objects`. */
  readonly rootUrl: string;
  put(key: string, body: ObjectBody, signal?: AbortSignal): Promise<StoredObject>;
  /** Stores a local file; the source is left alone. */
  putFile(key: string, path: string, signal?: AbortSignal): Promise<StoredObject>;
  /** The whole object in memory, or null; for manifests and batches, not for parts. */
  get(key: string, options?: ReadOptions): Promise<Uint8Array | null>;
  /** The object as a stream. @throws STORE_NOT_FOUND on the first read. */
  stream(key: string, options?: ReadOptions): AsyncIterable<Uint8Array>;
  /** Bytes [start, end) of the object; shorter when the object ends before. @throws STORE_NOT_FOUND */
  getRange(key: string, start: number, end: number): Promise<Uint8Array>;
  /** Copies the object to a local file (created or replaced atomically). @throws STORE_NOT_FOUND, STORE_CORRUPT */
  getFile(key: string, path: string, options?: ReadOptions): Promise<void>;
  head(key: string): Promise<ObjectInfo | null>;
  /** Every object whose key starts with `prefix`, in byte order of keys. */
  list(prefix: string): AsyncIterable<ObjectInfo>;
  /** Deletes; absent keys are fine. */
  delete(keys: readonly string[]): Promise<void>;
  /** Deletes everything under a prefix that ends in `/`. */
  deletePrefix(prefix: string): Promise<void>;
  /** A URL or path a person can open. */
  url(key: string): string;
  /** Path of the object when it is a plain local file that other programs may read in place; null otherwise. */
  localPath(key: string): string | null;
}
