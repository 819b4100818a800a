import type { Style } from './style.ts';

/** How a stream wants its text: colours, and the width of a line in characters (Infinity when it is not a terminal). */
export interface View {
  readonly style: Style;
  readonly width: number;
  /** Puts the flags that led here into every command of ours in a text; to be done before it is cut to the width. */
  readonly flagged: (text: string) => string;
}
