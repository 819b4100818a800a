/** Chance and names. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}

export interface Ids {
  /** 26 lower-case base32 characters, time-sortable. */
  ulid(): string;
  /** `length` characters of lower-case Crockford base32 (5 bits each) from a secure source. */
  token(length: number): string;
}
