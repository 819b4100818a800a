import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node, type Pair } from 'yaml';
import { messageOf, type Place, type Problem } from '../errors/app-error.ts';
import { shorten, type Located, type LocatedEntry } from './located.ts';

/** Deeper than any sensible file; keeps hostile ones from exhausting the stack. */
const DEEPEST = 40;

interface YamlText {
  readonly text: string;
  /** How places name the text: a path, or a flag. */
  readonly name: string;
  /** Absolute directory that relative paths in the text start from. */
  readonly dir: string;
  /** True for text from a flag: places then have no line and column. */
  readonly oneLine?: boolean;
}

interface ReadYaml {
  /** Null for a text without any value, and when there are problems. */
  readonly root: Located | null;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Parses YAML 1.2 into located values. Never throws for what the text contains; every problem has its line and column. */
export function readYaml(source: YamlText): ReadYaml {
  const lines = new LineCounter();
  let document: Document;
  try {
    document = parseDocument(source.text, {
      lineCounter: lines,
      uniqueKeys: false,
      prettyErrors: false,
      version: '1.2',
    });
  } catch (error) {
    // The parser itself gives up (by exhausting the stack) on absurd nesting.
    return failed({ place: { file: source.name }, message: `cannot be read as YAML: ${messageOf(error)}` });
  }
  const placeAt = (offset: number): Place => {
    if (source.oneLine === true) return { file: source.name };
    const { line, col } = lines.linePos(offset);
    return { file: source.name, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problemOf = (error: { code: string; message: string; pos: [number, number] }): Problem => ({
    place: placeAt(error.pos[0]),
    message: YAML_WORDS[error.code] ?? `not valid YAML: ${error.message}`,
    ...(error.code in YAML_WORDS
      ? {}
      : { hint: 'Check the indentation, and put text that holds : # [ ] { } * & ! or begins with - in quotes' }),
  });
  if (document.errors.length > 0) return { root: null, problems: document.errors.map(problemOf), warnings: [] };
  const converter: Converter = { document, source, placeAt, problems: [], done: new Map() };
  const contents = document.contents;
  const root = contents === null ? null : convert(contents, converter, 0);
  if (converter.problems.length > 0) return { root: null, problems: converter.problems, warnings: [] };
  return { root, problems: [], warnings: document.warnings.map(problemOf) };
}

const failed = (problem: Problem): ReadYaml => ({ root: null, problems: [problem], warnings: [] });

/** Where the parser's own words speak to programmers. */
const YAML_WORDS: Readonly<Record<string, string>> = {
  MULTIPLE_DOCS: 'found a second YAML document (`---`), expected one',
  TAB_AS_INDENT: 'found a tab in the indentation, expected spaces',
};

interface Converter {
  readonly document: Document;
  readonly source: YamlText;
  readonly placeAt: (offset: number) => Place;
  readonly problems: Problem[];
  /** Anchored nodes are converted once and shared, so that nested aliases cannot multiply. */
  readonly done: Map<Node, Located>;
}

function convert(node: Node, converter: Converter, depth: number): Located {
  const place = converter.placeAt(node.range?.[0] ?? 0);
  const dir = converter.source.dir;
  const nothing: Located = { kind: 'scalar', value: null, source: '', place, dir };
  if (isAlias(node)) {
    const target = node.resolve(converter.document);
    if (target !== undefined) return convert(target, converter, depth);
    converter.problems.push({
      place,
      message: `found the alias *${node.source}, but no anchor &${node.source} before it`,
    });
    return nothing;
  }
  const known = converter.done.get(node);
  if (known !== undefined) return known;
  if (depth > DEEPEST) {
    converter.problems.push({ place, message: `nested deeper than ${DEEPEST} levels` });
    return nothing;
  }
  if (isSeq(node)) {
    const items: Located[] = [];
    const list: Located = { kind: 'list', items, place, dir };
    converter.done.set(node, list);
    for (const item of node.items) items.push(convert(item as Node, converter, depth + 1));
    return list;
  }
  if (isMap(node)) return convertMap(node.items as Pair<Node, Node | null>[], node, { converter, depth });
  return isScalar(node) ? convertScalar(node.value, node.source ?? '', { place, dir }) : nothing;
}

function convertMap(
  pairs: readonly Pair<Node, Node | null>[],
  node: Node,
  { converter, depth }: { converter: Converter; depth: number },
): Located {
  const place = converter.placeAt(node.range?.[0] ?? 0);
  const dir = converter.source.dir;
  const entries = new Map<string, LocatedEntry>();
  const map: Located = { kind: 'map', entries, place, dir };
  converter.done.set(node, map);
  for (const { key, value } of pairs) {
    const keyPlace = converter.placeAt(key.range?.[0] ?? node.range?.[0] ?? 0);
    const located = convert(key, converter, depth + 1);
    if (located.kind !== 'scalar') {
      converter.problems.push({ place: keyPlace, message: `found a ${located.kind} as a key, expected a word` });
      continue;
    }
    const name = located.source;
    const first = entries.get(name);
    if (first !== undefined) {
      const message = `found the key \`${shorten(name)}\` twice, first on line ${first.keyPlace.line}`;
      converter.problems.push({ place: keyPlace, message, hint: 'Keep one of the two' });
      continue;
    }
    const nothing: Located = { kind: 'scalar', value: null, source: '', place: keyPlace, dir };
    entries.set(name, { keyPlace, value: value === null ? nothing : convert(value, converter, depth + 1) });
  }
  return map;
}

function convertScalar(value: unknown, source: string, at: { place: Place; dir: string }): Located {
  const known = value === null || ['string', 'number', 'boolean'].includes(typeof value);
  const kept = known ? (value as string | number | boolean | null) : source;
  // A quoted or block scalar's own text is its value; `source` would still hold the escapes and folds.
  return { kind: 'scalar', value: kept, source: typeof kept === 'string' ? kept : source, ...at };
}
