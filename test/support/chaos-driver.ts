/** Runs `slurmctl advance` again and again, as cron would, and kills it when it is told to. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

export interface ChaosDriver {
  /** Kills the next `advance` this long after its start; its pid, or null when it had ended by then. */
  killNext(afterMs: number): Promise<number | null>;
  /** Ends after the pass that is under way. What passes printed that no user should ever see. */
  stop(): Promise<readonly string[]>;
  readonly passes: { ended: number; killed: number };
}

export interface DriverOptions {
  readonly project: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly job: string;
  readonly everyMs: number;
}

interface Order {
  readonly afterMs: number;
  readonly done: (pid: number | null) => void;
}

export function startDriver(options: DriverOptions): ChaosDriver {
  const bin = join(options.project, 'bin/slurmctl.js');
  const passes = { ended: 0, killed: 0 };
  const bad: string[] = [];
  const orders: Order[] = [];
  let over = false;

  const pass = async (): Promise<void> => {
    const order = orders.shift();
    const child = spawn(process.execPath, [bin, 'advance', options.job, '--wait-lease', '10s'], {
      cwd: options.cwd,
      env: options.env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    const closed = new Promise<NodeJS.Signals | null>((resolve) => child.once('close', (_code, name) => resolve(name)));
    const timer = order === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), order.afterMs);
    const ended = await closed;
    clearTimeout(timer);
    if (ended === 'SIGKILL') passes.killed += 1;
    else passes.ended += 1;
    order?.done(ended === 'SIGKILL' ? (child.pid ?? null) : null);
    if (/^\s+at |bug in slurmctl/m.test(text)) bad.push(text);
  };
  const ended = (async () => {
    while (!over) {
      await pass();
      await new Promise((resolve) => setTimeout(resolve, options.everyMs));
    }
    for (const order of orders) order.done(null);
  })();
  return {
    passes,
    killNext: (afterMs) => new Promise((done) => orders.push({ afterMs, done })),
    async stop() {
      over = true;
      await ended;
      return bad;
    },
  };
}
