// The servers of scripts/aws-servers, for as long as a bench runs.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../../scripts/aws-servers', import.meta.url));

/**
 * Starts S3, SQS and DynamoDB on loopback: `env` leads this process and its children there and nowhere else (set in `process.env` too, where the
 * SDK looks), `stop` ends them.
 */
export function startAwsServers() {
  const parent = mkdtempSync(join(tmpdir(), 'slurmctl-bench-servers-'));
  const dir = join(parent, 'up');
  const run = (command) =>
    execFileSync(SCRIPT, [command, dir], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => {
    run('down');
    rmSync(parent, { recursive: true, force: true });
  };
  try {
    run('up');
    const env = { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' };
    for (const [, name, value] of run('env').matchAll(/(AWS_\w+)=(\S+)/g)) env[name] = value;
    for (const name of ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_ENDPOINT_URL']) delete process.env[name];
    Object.assign(process.env, env);
    return { env, stop };
  } catch (error) {
    rmSync(parent, { recursive: true, force: true });
    throw error;
  }
}
