/** Source text reduced to what a rule wants to see. Same length and same lines as the original, so that positions stay true. */
export interface ReducedText {
  /** Without comments. */
  readonly withStrings: string;
  /** Without comments, and without what is inside string literals and the text of templates. */
  readonly code: string;
}

/** A slash after one of these begins a regular expression, not a division. */
const BEFORE_REGEX = /(?:^|[([{,;=:!&|?+\-*%<>~^\n]|\b(?:return|typeof|case|in|of|do|else|void))\s*$/;

/** One pass over TypeScript text that knows comments, strings, templates and regular expressions. */
export function reduce(text: string): ReducedText {
  const code = text.split('');
  const kept = [...code];
  const blank = (from: number, to: number, target: string[]): void => {
    for (let at = from; at < to; at += 1) if (target[at] !== '\n') target[at] = ' ';
  };
  /** Depth of braces at which each open template expression ends. */
  const templates: number[] = [];
  let depth = 0;
  let at = 0;
  while (at < text.length) {
    const two = text.slice(at, at + 2);
    const one = text[at] as string;
    if (two === '//' || two === '/*') {
      const end = two === '//' ? indexOr(text, '\n', at) : indexOr(text, '*/', at + 2) + 2;
      blank(at, end, code);
      blank(at, end, kept);
      at = end;
    } else if (one === '"' || one === "'") {
      const end = endOfQuoted(text, at, one);
      blank(at + 1, end - 1, code);
      at = end;
    } else if (one === '/' && BEFORE_REGEX.test(code.slice(Math.max(0, at - 40), at).join(''))) {
      const end = endOfRegex(text, at);
      blank(at + 1, end - 1, code);
      at = end;
    } else if (one === '`' || (one === '}' && templates.at(-1) === depth)) {
      if (one === '}') templates.pop();
      const end = endOfTemplateText(text, at + 1);
      const opens = text[end - 1] === '{';
      blank(at + 1, opens ? end - 2 : end - 1, code);
      if (opens) templates.push(depth);
      at = end;
    } else {
      if (one === '{') depth += 1;
      if (one === '}') depth -= 1;
      at += 1;
    }
  }
  return { withStrings: kept.join(''), code: code.join('') };
}

const indexOr = (text: string, what: string, from: number): number => {
  const found = text.indexOf(what, from);
  return found === -1 ? text.length : found;
};

function endOfQuoted(text: string, start: number, quote: string): number {
  let at = start + 1;
  while (at < text.length && text[at] !== quote && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function endOfRegex(text: string, start: number): number {
  let at = start + 1;
  let inClass = false;
  while (at < text.length && text[at] !== '\n' && (inClass || text[at] !== '/')) {
    if (text[at] === '[') inClass = true;
    if (text[at] === ']') inClass = false;
    at += text[at] === '\\' ? 2 : 1;
  }
  return at + 1;
}

/** Just behind the closing backtick, or behind the `{` of the next expression. */
function endOfTemplateText(text: string, start: number): number {
  let at = start;
  while (at < text.length && text[at] !== '`' && !(text[at] === '$' && text[at + 1] === '{'))
    at += text[at] === '\\' ? 2 : 1;
  return text[at] === '$' ? at + 2 : at + 1;
}

const IMPORTS =
  /(?:^|[;\n])\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|(?:^|[;\n])\s*import\s*['"]([^'"]+)['"]|\bimport\s*\(\s*['"`]([^'"`]+)['"`]/dg;

/** Module specifiers of every import and re-export, static or dynamic, types included. */
export function importsOf(text: string): string[] {
  const { code, withStrings } = reduce(text);
  // Found where strings are blank, so that text about imports is none; read where they are not.
  return [...code.matchAll(IMPORTS)].map((match) => {
    const [start, end] = match.indices?.[1] ?? match.indices?.[2] ?? match.indices?.[3] ?? [0, 0];
    return withStrings.slice(start, end);
  });
}
