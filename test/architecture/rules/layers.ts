import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import type { Files } from '../files.ts';
import { importsOf } from '../source-text.ts';

interface Layer {
  /** Other layers it may import. Its own folder is always allowed. */
  readonly may: readonly string[];
  /** Packages it may name. */
  readonly vendor: readonly string[] | 'any';
  /** Node modules it may import. */
  readonly node: readonly string[] | 'any';
}

/** No I/O: paths are text, and a digest is arithmetic. */
const PURE = ['node:path', 'node:crypto'];
const WORDS = ['domain', 'errors'];
const ROOM: Layer = { may: [...WORDS, 'ports'], vendor: [], node: PURE };
const DRIVER: Layer = { may: [...WORDS, 'ports', 'backends/shared'], vendor: 'any', node: 'any' };

/** Who may import whom. What is not listed is forbidden; rooms never import each other: `app` plugs them together. */
export const LAYERS: Readonly<Record<string, Layer>> = {
  domain: { may: ['errors'], vendor: [], node: PURE },
  errors: { may: [], vendor: [], node: [] },
  ports: { may: WORDS, vendor: [], node: [] },
  config: { may: WORDS, vendor: ['yaml', 'zod', 'fastest-levenshtein'], node: 'any' },
  coordinator: ROOM,
  worker: ROOM,
  retry: ROOM,
  aggregator: ROOM,
  carrier: ROOM,
  limiter: ROOM,
  observe: ROOM,
  'backends/*': DRIVER,
  /** The start of a process of its own, below `app`: it constructs the drivers that it needs. */
  'backends/*-main': { ...DRIVER, may: [...WORDS, 'ports', 'backends/*'] },
  app: {
    may: [
      ...WORDS,
      'ports',
      'config',
      'coordinator',
      'worker',
      'retry',
      'aggregator',
      'carrier',
      'limiter',
      'observe',
      'backends/*',
    ],
    vendor: ['fastest-levenshtein'],
    node: 'any',
  },
  cli: {
    may: [...WORDS, 'app', 'config'],
    vendor: ['commander', 'cli-table3', 'cli-progress', 'picocolors', 'fastest-levenshtein'],
    node: 'any',
  },
};

/** `worker` of `src/worker/x.ts`; `backends/object-store` of `src/backends/object-store/fs.ts`. */
function layerOf(path: string): string {
  const [, first = '', second = ''] = path.split('/');
  return first === 'backends' ? `backends/${second}` : first;
}

function rowOf(path: string, layer: string): Layer | undefined {
  if (!layer.startsWith('backends/')) return LAYERS[layer];
  return LAYERS[/(^|[/-])main\.ts$/.test(path) ? 'backends/*-main' : 'backends/*'];
}

/** Every import of these files that the table forbids, as a sentence. */
export const layerViolations = (files: Files): string[] =>
  [...files].flatMap(([path, text]) => {
    const layer = layerOf(path);
    const row = rowOf(path, layer);
    if (row === undefined) return [`${path}: "${layer}" is not in the table of layers`];
    return importsOf(text).flatMap((target) => {
      const problem = problemOf(target, { path, layer, row });
      return problem === null ? [] : [`${path}: imports ${target}, but ${problem}`];
    });
  });

function problemOf(
  target: string,
  { path, layer, row }: { readonly path: string; readonly layer: string; readonly row: Layer },
): string | null {
  if (target.startsWith('.')) {
    if (!target.endsWith('.ts')) return 'relative imports end in .ts';
    const resolved = posix.join(posix.dirname(path), target);
    if (!resolved.startsWith('src/')) return 'it lies outside src';
    const other = layerOf(resolved);
    if (other === layer || row.may.includes(other)) return null;
    if (other.startsWith('backends/') && row.may.includes('backends/*')) return null;
    return `${layer} may import only itself and ${row.may.join(', ') || 'nothing'}`;
  }
  if (target.startsWith('node:') || builtinModules.includes(target)) {
    if (!target.startsWith('node:')) return 'Node modules are named with node:';
    return row.node === 'any' || row.node.includes(target)
      ? null
      : `${layer} may use only ${row.node.join(', ') || 'no Node module'}`;
  }
  const name = target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
  if (row.vendor === 'any' || row.vendor.includes(name)) return null;
  return `${layer} may name only ${row.vendor.join(', ') || 'no package'}`;
}
