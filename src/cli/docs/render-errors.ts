import type { CatalogueEntry } from '../../errors/catalogue-entry.ts';
import { GENERATED } from './generated.ts';

/** `docs/errors.md`: every code of the catalogue with its exit code, whether trying again can help, what it means and what to do. */
export function renderErrorDocs(catalogue: Readonly<Record<string, CatalogueEntry>>): string {
  const rows = Object.entries(catalogue)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([code, { exitCode, retryable, summary, hint }]) =>
        `| \`${code}\` | ${exitCode} | ${retryable ? 'yes' : 'no'} | ${cell(summary)} | ${cell(hint)} |`,
    );
  return `# Errors

${GENERATED}

A failure that somebody can do something about has a code. Codes are stable: scripts may match on them (\`code\` in the
\`slurmctl.error/1\` document, see [json.md](json.md)). The message names the thing and the place; the hint says what to do, and is often more specific than
the remedy here. *Again* says whether the same command may succeed later without anybody changing anything. Anything without a code is a bug in slurmctl
(exit code 1) and says so.

| code | exit | again | meaning | remedy |
|---|---|---|---|---|
${rows.join('\n')}
`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
