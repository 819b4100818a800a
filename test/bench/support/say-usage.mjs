// Preloaded with `node --import`: writes what the process used to the file named by BENCH_USAGE when it ends: CPU time (s), most memory (MiB).
import { writeFileSync } from 'node:fs';

process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const used = { cpu: (userCPUTime + systemCPUTime) / 1e6, mib: Math.round(maxRSS / 1024) };
  writeFileSync(process.env.BENCH_USAGE, JSON.stringify(used));
});
