import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { describe, expect, it } from 'vitest';

import { createHost } from '../../../../src/backends/host.ts';

const FAKE = { hostname: 'node1', pid: 10, bootId: 'aaaaaaaa', pidNamespace: '42', pidExists: () => true };
const stat = (start: string, state = 'S') => ({ ...FAKE, processStat: () => ({ start, state }) });

describe('host', () => {
  it('knows itself to be alive and says how much CPU it used', () => {
    const host = createHost();
    expect(host.processName).toContain(`${host.hostname}:${process.pid}:`);
    expect(host.mayBeAlive(host.processName)).toBe(true);
    expect(host.cpuMs()).toBeGreaterThan(0);
    expect(host.maxRssBytes()).toBeGreaterThanOrEqual(process.memoryUsage().rss * 0.5);
    expect(host.maxRssBytes() % 1_024).toBe(0);
  });

  it('knows when a process of this host has ended', async () => {
    const host = createHost();
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
    const name = createHost({ pid: child.pid ?? 0 }).processName;
    expect(host.mayBeAlive(name)).toBe(true);
    child.stdin.end();
    await once(child, 'exit');
    expect(host.mayBeAlive(name)).toBe(false);
  });

  it('tells a reused pid by its start time', () => {
    const name = createHost(stat('100')).processName;
    expect(createHost(stat('100')).mayBeAlive(name)).toBe(true);
    expect(createHost(stat('101')).mayBeAlive(name)).toBe(false);
    expect(createHost(stat('100', 'Z')).mayBeAlive(name)).toBe(false);
  });

  it('takes a process of an earlier boot for dead', () => {
    const name = createHost(stat('100')).processName;
    expect(createHost({ ...stat('100'), bootId: 'bbbbbbbb' }).mayBeAlive(name)).toBe(false);
  });

  it('does not judge other hosts, other containers or names it cannot read', () => {
    const name = createHost(stat('100')).processName;
    const gone = { ...FAKE, processStat: () => null };
    expect(createHost({ ...gone, hostname: 'node2' }).mayBeAlive(name)).toBe(true);
    expect(createHost({ ...gone, pidNamespace: '43' }).mayBeAlive(name)).toBe(true);
    expect(createHost(gone).mayBeAlive('something else')).toBe(true);
    expect(createHost(gone).mayBeAlive(name)).toBe(false);
  });

  it('asks for the pid alone where there is no /proc, and errs to alive', () => {
    const without = { ...FAKE, bootId: '0', pidNamespace: '0', processStat: () => undefined };
    const host = createHost(without);
    expect(host.processName).toBe('node1:10:0-0-0');
    expect(host.mayBeAlive('node1:11:0-0-0')).toBe(true);
    expect(createHost({ ...without, pidExists: () => false }).mayBeAlive('node1:11:0-0-0')).toBe(false);
  });
});
