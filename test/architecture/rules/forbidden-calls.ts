import type { Files } from '../files.ts';
import { importsOf, reduce } from '../source-text.ts';

interface Ban {
  readonly pattern: RegExp;
  readonly why: string;
  /** Files in which it is allowed. */
  readonly except: RegExp;
}

const BACKENDS = /^src\/backends\//;
/** The files that are the start of a process. */
const PROCESS_ENTRIES = /^src\/(backends\/|cli\/main\.ts$|app\/[a-z-]*-main\.ts$)/;

/** Time, chance and the process come through ports, so that a simulator can own them. */
const BANS: readonly Ban[] = [
  { pattern: /\bDate\s*\.\s*now\b/, why: 'use Clock.nowMs', except: BACKENDS },
  { pattern: /\bnew\s+Date\s*(\(\s*\)|(?!\s*\()\b)/, why: 'use Clock.nowMs', except: BACKENDS },
  { pattern: /\bperformance\s*\.\s*now\b/, why: 'use Clock.monotonicMs', except: BACKENDS },
  { pattern: /\bMath\s*\.\s*random\b/, why: 'use Random', except: BACKENDS },
  { pattern: /\b(randomUUID|randomBytes|randomInt|getRandomValues)\b/, why: 'use Ids', except: BACKENDS },
  { pattern: /\b(setTimeout|setInterval|setImmediate)\b/, why: 'use Clock', except: BACKENDS },
  { pattern: /\bAbortSignal\s*\.\s*timeout\b/, why: 'use Clock', except: BACKENDS },
];

const PROCESS = /(?<![.\w])process\s*(?:\?\.|\.|\[)\s*(\w*)/g;
/** What a layer may still ask of the process: config learns settings from it, app names the program that is running. */
const PROCESS_FACTS: readonly { readonly files: RegExp; readonly members: readonly string[] }[] = [
  { files: /^src\/config\//, members: ['env', 'cwd'] },
  { files: /^src\/app\//, members: ['execPath', 'versions'] },
];

const BANNED_MODULES: Readonly<Record<string, RegExp>> = {
  'node:timers': BACKENDS,
  'node:timers/promises': BACKENDS,
  'node:perf_hooks': BACKENDS,
  'node:process': PROCESS_ENTRIES,
};

/** Every use of a forbidden call, as `path:line: …`. */
export const forbiddenCalls = (files: Files): string[] =>
  [...files].flatMap(([path, text]) => {
    const lines = reduce(text).code.split('\n');
    const calls = lines.flatMap((line, index) =>
      [...bannedIn(line, path), ...processUses(line, path)].map((what) => `${path}:${index + 1}: ${what}`),
    );
    const modules = importsOf(text)
      .filter((target) => BANNED_MODULES[target]?.test(path) === false)
      .map((target) => `${path}: imports ${target}`);
    return [...calls, ...modules];
  });

const bannedIn = (line: string, path: string): string[] =>
  BANS.filter(({ except, pattern }) => !except.test(path) && pattern.test(line)).map(
    ({ pattern, why }) => `${pattern.exec(line)?.[0]}: ${why}`,
  );

function processUses(line: string, path: string): string[] {
  if (PROCESS_ENTRIES.test(path)) return [];
  const allowed = PROCESS_FACTS.filter(({ files }) => files.test(path)).flatMap(({ members }) => members);
  return [...line.matchAll(PROCESS)]
    .filter((match) => !allowed.includes(match[1] ?? ''))
    .map(([use]) => `${use}: take what it offers as an argument`);
}
