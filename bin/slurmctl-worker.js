#!/usr/bin/env node
// What the script of an array element runs: the worker, and, when that died, the process that says so; see src/app/worker-main.ts.
const died = process.argv.includes('--report-end');
const { main } = await (died ? import('../dist/app/report-end-main.js') : import('../dist/app/worker-main.js'));

process.exit(await main(process.argv.slice(2), process.env));
