/** A fenced block of a Markdown page. */
export interface Fence {
  readonly language: string;
  readonly text: string;
  /** Heading it stands under. */
  readonly section: string;
}

/** Fenced blocks of a page, in order. */
export function fencesOf(markdown: string): Fence[] {
  const fences: Fence[] = [];
  let section = '';
  let open: { language: string; lines: string[] } | null = null;
  for (const line of markdown.split('\n')) {
    const fence = /^```(\w*)\s*$/.exec(line);
    if (open !== null && fence !== null) {
      fences.push({ language: open.language, text: `${open.lines.join('\n')}\n`, section });
      open = null;
    } else if (open !== null) open.lines.push(line);
    else if (fence !== null) open = { language: fence[1] ?? '', lines: [] };
    else if (line.startsWith('#')) section = line.replace(/^#+\s*/, '');
  }
  return fences;
}

/** Blocks that are files by their first line, a comment that begins with the name of the file: `# job.yaml`, `// handler.mjs: …`. */
export function filesOf(fences: readonly Fence[]): Record<string, string> {
  const files: Record<string, string> = {};
  for (const { text } of fences) {
    const name = /^(?:#|\/\/) ([\w-]+\.[a-z]+)\b/.exec(text)?.[1];
    if (name !== undefined) files[name] = text;
  }
  return files;
}

/** What is typed in the `console` blocks, a line each. */
export const typedIn = (fences: readonly Fence[]): string[] =>
  fences
    .filter(({ language }) => language === 'console')
    .flatMap(({ text }) => text.split('\n'))
    .filter((line) => line.startsWith('$ '))
    .map((line) => line.slice(2));
