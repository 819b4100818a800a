import { posix } from 'node:path';
import type { Files } from '../files.ts';

/** Anchors that a page offers, as the usual renderers make them from headings. */
export const anchorsOf = (markdown: string): Set<string> =>
  new Set(
    [...withoutCode(markdown).matchAll(/^#{1,6}\s+(.+?)\s*$/gm)].map((match) =>
      (match[1] as string)
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );

const withoutCode = (markdown: string): string =>
  markdown
    .replaceAll(/^ *```[\s\S]*?^ *```/gm, '')
    .replaceAll(/`[^`\n]*`/g, (code) => code.slice(1, -1).replaceAll(/[[\]()]/g, ''));

/** Relative links in Markdown pages that lead nowhere. `exists` answers for files and folders of the repository. */
export const brokenLinks = (pages: Files, exists: (path: string) => boolean): string[] =>
  [...pages].flatMap(([path, text]) =>
    [...withoutCode(text).matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)|\bsrc="([^"]+)"/g)].flatMap((match) => {
      const link = match[1] ?? match[2] ?? '';
      if (/^[a-z]+:/i.test(link)) return [];
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : posix.join(posix.dirname(path), file);
      if (target.startsWith('..') || !exists(target)) return [`${path}: ${link}: there is no ${target}`];
      const page = pages.get(target);
      if (anchor !== undefined && page !== undefined && !anchorsOf(page).has(anchor))
        return [`${path}: ${link}: ${target} has no heading for #${anchor}`];
      return [];
    }),
  );
