// Compiles src/ to dist/ with the TypeScript compiler alone: stack traces map one to one and nothing is bundled.
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execFileSync } from 'node:child_process';

const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${root}dist`, { recursive: true, force: true });
execFileSync(
  process.execPath,
  [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}scripts/config/tsconfig.build.json`],
  {
    stdio: 'inherit',
  },
);
