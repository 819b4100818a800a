import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';

const TAIL_BYTES = 16 * 1024;
const MOST_CHARS = 160;

interface LastWordsSources {
  /** The end of what this process and the dead one write to; null when that is no file. */
  readonly tail: () => string | null;
  /** Null when there is no such file. */
  readonly read: (path: string) => string | null;
}

/**
 * Evidence about the end of the process that wrote to the same standard error before this one: what the JavaScript runtime or the batch system's
 * step daemon said last, or that the kernel killed in this cgroup for memory. Null: none.
 */
export function lastWords({ tail, read }: LastWordsSources = { tail: tailOfStderr, read: readText }): string | null {
  return saidAtTheEnd(tail() ?? '') ?? killedForMemory(read);
}

/** `FATAL ERROR: … JavaScript heap out of memory`; `slurmstepd: error: Detected 1 oom_kill event …`. Only what comes after the last line of our own log. */
function saidAtTheEnd(text: string): string | null {
  const lines = text.split('\n');
  const own = lines.findLastIndex((line) => line.startsWith('{"level"'));
  const said = lines.slice(own + 1).find((line) => /FATAL ERROR: |slurmstepd: error: .*oom/i.test(line));
  return said === undefined
    ? null
    : said
        .slice(said.search(/FATAL ERROR: |slurmstepd: /))
        .trim()
        .slice(0, MOST_CHARS);
}

/** Asked of the cgroups that Slurm made for this job alone: others count the deaths of others. */
function killedForMemory(read: LastWordsSources['read']): string | null {
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers = '', path = ''] = line.split(':');
    if (!/\/job_?\d+(\/|$)/.test(path)) continue;
    if (controllers !== '' && !controllers.split(',').includes('memory')) continue;
    const files =
      controllers === '' ? ['/sys/fs/cgroup', 'memory.events'] : ['/sys/fs/cgroup/memory', 'memory.oom_control'];
    if (parentsIn(path).some((parent) => killsIn(read(`${files[0]}${parent}/${files[1]}`)) > 0))
      return 'the kernel killed it for its memory: oom_kill';
  }
  return null;
}

/** The cgroup and those above it, up to the job's. */
function parentsIn(path: string): string[] {
  const words = path.split('/');
  const job = words.findIndex((word) => /^job_?\d+$/.test(word));
  return words.flatMap((_word, at) => (at < job ? [] : [words.slice(0, at + 1).join('/')])).toReversed();
}

const killsIn = (text: string | null): number => Number(/^oom_kill (\d+)$/m.exec(text ?? '')?.[1] ?? 0);

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function tailOfStderr(): string | null {
  try {
    const fd = openSync('/proc/self/fd/2', 'r');
    try {
      const { size } = fstatSync(fd);
      if (!fstatSync(fd).isFile()) return null;
      const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
      readSync(fd, tail, 0, tail.length, size - tail.length);
      return tail.toString('utf8');
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}
