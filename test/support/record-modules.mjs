// Preloaded with `node --import`: writes what the process has loaded to the file named by LOADED_MODULES when it ends, one URL or path a line.
import { createRequire, register } from 'node:module';
import { appendFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const file = process.env.LOADED_MODULES;
const hooks = `
import { appendFileSync } from 'node:fs';
export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context);
  appendFileSync(${JSON.stringify(file)}, resolved.url + '\\n');
  return resolved;
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`, import.meta.url);
// What CommonJS packages require of each other does not pass the hook; native add-ons are in this cache too.
process.on('exit', () => {
  for (const path of Object.keys(createRequire(import.meta.url).cache))
    appendFileSync(file, `${pathToFileURL(path).href}\n`);
});
