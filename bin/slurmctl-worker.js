#!/usr/bin/env node
// What an array element execs; see src/app/worker-main.ts.
import { runWorker } from '../dist/app/worker-main.js';

process.exit(await runWorker(process.argv.slice(2), process.env));
