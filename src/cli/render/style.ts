import picocolors from 'picocolors';

/** Colours by meaning. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly info: (text: string) => string;
}

export function createStyle(enabled: boolean): Style {
  const colours = picocolors.createColors(enabled);
  return {
    bold: colours.bold,
    dim: colours.dim,
    good: colours.green,
    warn: colours.yellow,
    bad: colours.red,
    info: colours.cyan,
  };
}

/** Colour only on a terminal, and never with `--no-color`, a non-empty NO_COLOR, or TERM=dumb. */
export const wantsColour = (stream: { readonly isTty: boolean }, env: NodeJS.ProcessEnv, allowed: boolean): boolean =>
  allowed && stream.isTty && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
