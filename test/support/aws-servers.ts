import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../scripts/aws-servers', import.meta.url));
const START_MS = 60_000;
const KEPT_LINES = 20;

export type AwsServerName = 'fauxqs' | 'dynamodb-local' | 'dynalite';

export interface AwsServer {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  readonly port: number;
  readonly pid: number;
  /** SIGKILL, and with it all data; returns when the process is gone. Repeating it is fine. */
  stop(): Promise<void>;
}

export interface AwsServerOptions {
  /** Default: a free one. A server that was stopped comes back, empty, at the port that it had. */
  readonly port?: number;
  /** fauxqs without conditional writes, like the simplest S3 servers. */
  readonly plain?: boolean;
}

/**
 * One server in a process of its own, on loopback, with its data in memory: `fauxqs` speaks S3 and SQS, `dynamodb-local` and `dynalite`
 * speak DynamoDB. It ends with this process, however this process ends.
 * @throws Error with what the server printed when it does not start within a minute
 */
export async function startAwsServer(name: AwsServerName, options: AwsServerOptions = {}): Promise<AwsServer> {
  const argv = ['run', name, '--while-stdin', '--port', String(options.port ?? 0)];
  if (options.plain === true) argv.push('--plain');
  const { port, pid, stop } = await startListening(name, SCRIPT, argv);
  return { endpoint: `http://127.0.0.1:${port}`, port, pid, stop };
}

export interface ListeningProcess {
  readonly port: number;
  readonly pid: number;
  /** What it printed until it listened. */
  readonly printed: readonly string[];
  /** SIGKILL; returns when it is gone. */
  readonly stop: () => Promise<void>;
}

/**
 * A program that prints `listening PORT` and ends when its standard input does.
 * @throws Error with what it printed when it does not do so within a minute
 */
export async function startListening(
  name: string,
  program: string,
  argv: readonly string[],
): Promise<ListeningProcess> {
  const child = spawn(program, argv, { stdio: ['pipe', 'pipe', 'pipe'] });
  const exited = once(child, 'exit').catch(() => undefined);
  const printed: string[] = [];
  const port = await listening(name, child, printed).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  return {
    port,
    pid: child.pid as number,
    printed,
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function listening(name: string, child: ChildProcess, printed: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new Error(`${name} ${why}. It printed:\n${printed.join('\n') || '(nothing)'}`));
    const timer = setTimeout(() => fail(`did not listen within ${START_MS / 1000} s`), START_MS);
    const keep = (line: string): void => {
      printed.push(line);
      if (printed.length > KEPT_LINES) printed.shift();
      const port = /^listening (\d+)$/.exec(line)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    };
    for (const stream of [child.stdout, child.stderr])
      if (stream !== null) createInterface({ input: stream }).on('line', keep);
    child.once('error', (error) => fail(`could not be started: ${error.message}`));
    // After both pipes, so that the reason has been read.
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      fail(`ended with ${code ?? signal}`);
    });
  });
}
