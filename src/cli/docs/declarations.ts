/** An exported interface or type of a TypeScript source: its name, its doc comment as prose, and its text without `export` and `readonly`. */
export interface Declaration {
  readonly name: string;
  readonly prose: string;
  readonly text: string;
}

const START = /^export (?:interface|type) (\w+)/;

/** The exported declarations of formatted source text, in order. */
export function declarationsOf(source: string): Declaration[] {
  const lines = source.split('\n');
  return lines.flatMap((line, index) => {
    const name = START.exec(line)?.[1];
    if (name === undefined) return [];
    const text = lines.slice(index, endOf(lines, index) + 1).join('\n');
    return [{ name, prose: proseAbove(lines, index), text: text.replace(/^export /, '').replaceAll('readonly ', '') }];
  });
}

/** A declaration that opens a brace ends at the brace in the first column, any other at its semicolon. */
function endOf(lines: readonly string[], start: number): number {
  const last = (lines[start] as string).endsWith('{') ? /^}/ : /;$/;
  const end = lines.findIndex((line, index) => index >= start && last.test(line));
  if (end === -1) throw new Error(`declaration without an end: ${lines[start]}`);
  return end;
}

function proseAbove(lines: readonly string[], index: number): string {
  if (!(lines[index - 1] ?? '').endsWith('*/')) return '';
  const start = lines.findLastIndex((line, at) => at < index && line.startsWith('/**'));
  return lines
    .slice(start, index)
    .map((line) => line.replace(/ ?\*\/$/, '').replace(/^\/\*\* ?|^ \* ?/, ''))
    .join('\n')
    .trim();
}
