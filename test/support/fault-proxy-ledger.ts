import type { FaultName, Service } from './fault-proxy-rules.ts';

export interface OperationCount {
  /** Requests that came from clients. */
  readonly received: number;
  /** Times that the server answered one with 2xx: more than received when requests are doubled, less when they are refused. */
  readonly applied: number;
  /** Times that the server answered with another status. */
  readonly refused: number;
  /** Bytes of the bodies of requests received, and of the server's answers. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly faults: Readonly<Partial<Record<FaultName, number>>>;
}

export interface LedgerReport {
  /** By `service operation`: `s3 PutObject`. */
  readonly operations: Readonly<Record<string, OperationCount>>;
  readonly faults: Readonly<Partial<Record<FaultName, number>>>;
  readonly received: number;
  readonly applied: number;
  /** The latest faults, for a failed test to print: `17 lost s3 PutObject /bucket/key`. */
  readonly latest: readonly string[];
  /** Servers that did not answer, and mistakes of the proxy. */
  readonly troubles: readonly string[];
}

export interface ProxyLedger {
  arrived(
    service: Service,
    operation: string,
    bytes: number,
  ): {
    applied(status: number, bytes: number): void;
    /** Notes a fault; the function returned takes it back. */
    fault(name: FaultName, about: string): () => void;
  };
  broke(error: unknown): void;
  report(): LedgerReport;
}

const KEPT = 500;

export function createLedger(): ProxyLedger {
  const operations = new Map<string, Writable>();
  const latest: string[] = [];
  const troubles: string[] = [];
  let count = 0;
  return {
    arrived(service, operation, bytes) {
      const name = `${service} ${operation}`;
      const line = operations.get(name) ?? { received: 0, applied: 0, refused: 0, bytesIn: 0, bytesOut: 0, faults: {} };
      operations.set(name, line);
      line.received += 1;
      line.bytesIn += bytes;
      const number = (count += 1);
      return {
        applied(status, bytesOut) {
          line[status < 300 ? 'applied' : 'refused'] += 1;
          line.bytesOut += bytesOut;
        },
        fault(fault, about) {
          line.faults[fault] = (line.faults[fault] ?? 0) + 1;
          latest.push(`${number} ${fault} ${name} ${about}`);
          if (latest.length > KEPT) latest.shift();
          return () => {
            line.faults[fault] = (line.faults[fault] ?? 1) - 1;
            if (line.faults[fault] === 0) delete line.faults[fault];
            latest.splice(latest.lastIndexOf(`${number} ${fault} ${name} ${about}`), 1);
          };
        },
      };
    },
    broke(error) {
      if (troubles.length < KEPT) troubles.push(error instanceof Error ? error.message : String(error));
    },
    report() {
      const all = [...operations.values()];
      const faults: Partial<Record<FaultName, number>> = {};
      for (const line of all)
        for (const [name, times] of Object.entries(line.faults) as [FaultName, number][])
          faults[name] = (faults[name] ?? 0) + times;
      return structuredClone({
        operations: Object.fromEntries(operations),
        faults,
        received: sum(all.map(({ received }) => received)),
        applied: sum(all.map(({ applied }) => applied)),
        latest,
        troubles,
      });
    },
  };
}

type Writable = { -readonly [key in keyof Omit<OperationCount, 'faults'>]: number } & {
  readonly faults: Partial<Record<FaultName, number>>;
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
