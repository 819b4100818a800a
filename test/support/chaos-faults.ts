/** Does what the plan says, to whoever is there, and writes down whom it hit. */
import { NODES, type Fault } from './chaos-plan.ts';
import { signal, type ChaosProcess } from './chaos-processes.ts';
import type { Injected, Victim } from './chaos-record.ts';
import type { ChaosSite } from './chaos-site.ts';
import type { ChaosDriver } from './chaos-driver.ts';

export interface ChaosFaults {
  /** Resolves when the fault is over; null when nobody was there to be hit. */
  inject(fault: Fault): Promise<Injected | null>;
  /** Everything is there again. */
  heal(): Promise<void>;
}

/** `told` is called as soon as the fault has happened, which may be long before it is over. */
export function createFaults(site: ChaosSite, driver: ChaosDriver, told: (injected: Injected) => void): ChaosFaults {
  const { cluster, plan } = site;
  const away = new Map<string, Promise<void>>();
  let controller: Promise<void> = Promise.resolve();

  const record = (fault: Fault, rest: Partial<Injected> & Pick<Injected, 'what'>): Injected => {
    const nowMs = Date.now();
    const injected = { fault, fromMs: nowMs, untilMs: nowMs, node: null, victims: [], ...rest };
    told(injected);
    return injected;
  };
  const choose = <T>(from: readonly T[], { pick }: Fault): T | undefined => from[Math.floor(pick * from.length)];
  /** A worker in the middle of a task; a fault that hits nobody says nothing. */
  const someWorker = async (fault: Fault): Promise<{ worker: ChaosProcess; victim: Victim } | null> => {
    for (let look = 0; look < 40; look += 1) {
      const workers = site.workers().filter(({ node }) => node !== null && !away.has(node));
      const worker = choose(workers, fault);
      const victim = worker === undefined ? null : await site.victim(worker.attempt as string);
      if (worker !== undefined && victim !== null && victim.task !== null) return { worker, victim };
      await pause(100);
    }
    return null;
  };
  const onElement = async (fault: Fault, argvOf: (element: string) => string[]): Promise<Injected | null> => {
    await controller;
    const found = await someWorker(fault);
    if (found === null) return null;
    const { attempt } = found.victim;
    const argv = argvOf(attempt.slice(0, attempt.lastIndexOf('.')));
    const fromMs = Date.now();
    await cluster.slurm(...argv);
    return record(fault, { fromMs, victims: [found.victim], what: argv.join(' ') });
  };
  const victimsOn = async (node: string): Promise<Victim[]> =>
    Promise.all(
      site
        .workers()
        .filter((worker) => worker.node === node)
        .map((worker) => site.victim(worker.attempt as string)),
    );

  async function killNode(fault: Fault): Promise<Injected | null> {
    const up = NODES.filter(({ name }) => !away.has(name));
    const node = choose(up, fault)?.name;
    if (node === undefined || up.length === 1) return null;
    const victims = await victimsOn(node);
    const fromMs = Date.now();
    const back = (async () => {
      await cluster.killNode(node);
      await pause(fault.forMs);
      await controller;
      await cluster.startNode(node);
    })();
    away.set(node, back);
    const injected = record(fault, { fromMs, node, victims, what: `${node} dies for ${fault.forMs} ms` });
    await back.finally(() => away.delete(node));
    injected.untilMs = Date.now();
    return injected;
  }
  async function preempt(fault: Fault): Promise<Injected | null> {
    await controller;
    const node = choose(
      NODES.filter(({ name }) => !away.has(name)),
      fault,
    );
    if (node === undefined) return null;
    const victims = await victimsOn(node.name);
    const fromMs = Date.now();
    const asked = [
      '--parsable',
      '-p',
      'high',
      '-w',
      node.name,
      '-c',
      String(plan.cpusPerNode),
      '-t',
      '1',
      '-J',
      'rival',
    ];
    const id = (await cluster.slurm('sbatch', ...asked, '-o', '/dev/null', '--wrap', 'sleep 1')).trim();
    const what = `job ${id} preempts ${node.name} (${node.mode}, grace ${node.graceSec} s)`;
    const injected = record(fault, { fromMs, node: node.name, victims, what });
    for (let look = 0; look < 240; look += 1) {
      await controller;
      if ((await cluster.slurm('squeue', '-h', '-n', 'rival', '-o', '%A')).split('\n').every((line) => line !== id))
        break;
      await pause(250);
    }
    injected.untilMs = Date.now();
    return injected;
  }
  async function restartController(fault: Fault): Promise<Injected> {
    await controller;
    const injected = record(fault, { what: `slurmctld is away for ${fault.forMs} ms` });
    controller = (async () => {
      await cluster.stopController();
      await pause(fault.forMs);
      await cluster.startController();
    })();
    await controller;
    injected.untilMs = Date.now();
    return injected;
  }
  async function onWorker(fault: Fault): Promise<Injected | null> {
    const found = await someWorker(fault);
    if (found === null) return null;
    const { worker, victim } = found;
    const fromMs = Date.now();
    const frozen = fault.kind === 'freeze';
    if (!signal(worker.pid, frozen ? 'SIGSTOP' : 'SIGKILL')) return null;
    const what = frozen
      ? `${victim.attempt} is stopped for ${fault.forMs} ms`
      : `kill -9 ${worker.pid} (${victim.attempt})`;
    const injected = record(fault, { fromMs, victims: [victim], what });
    if (!frozen) return injected;
    await pause(fault.forMs);
    if (site.workers().some(({ pid, attempt }) => pid === worker.pid && attempt === worker.attempt))
      signal(worker.pid, 'SIGCONT');
    injected.untilMs = Date.now();
    return injected;
  }

  return {
    async inject(fault) {
      switch (fault.kind) {
        case 'kill-worker':
        case 'freeze':
          return onWorker(fault);
        case 'requeue':
          return onElement(fault, (element) => ['scontrol', 'requeue', element]);
        case 'scancel':
          return onElement(fault, (element) => ['scancel', element]);
        case 'kill-node':
          return killNode(fault);
        case 'preempt':
          return preempt(fault);
        case 'restart-controller':
          return restartController(fault);
        case 'kill-advance': {
          const pid = await driver.killNext(fault.forMs);
          return pid === null ? null : record(fault, { what: `kill -9 ${pid} (advance) after ${fault.forMs} ms` });
        }
      }
    },
    async heal() {
      await controller;
      await Promise.all(away.values());
    },
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
