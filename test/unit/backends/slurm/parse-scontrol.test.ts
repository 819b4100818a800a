import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseConfig,
  parseNodes,
  parsePartitions,
  parseSlurmTimeMs,
} from '../../../../src/backends/batch-system/slurm/parse-scontrol.ts';
import { parseAssociationCap, parseQosCap } from '../../../../src/backends/batch-system/slurm/submit-limits.ts';
import { recorded } from './fixture.ts';

describe('scontrol, sinfo and sacctmgr', () => {
  it('reads the configuration', () => {
    const config = parseConfig(`*** banner = no ***\r\n${recorded('config.out').replaceAll('\n', '\r\n')}`);
    expect(config.get('MaxArraySize')).toBe('1001');
    expect(config.get('SLURM_VERSION')).toBe('22.05.8');
    expect(config.get('AccountingStorageEnforce')).toBe('associations,limits');
    expect(config.get('MaxJobCount')).toBe('20');
  });

  it('reads partitions', () => {
    expect(parsePartitions(`Welcome!\n${recorded('partitions.out')}`)).toEqual([
      { name: 'main', isDefault: true, maxTimeMs: null, maxMemoryMb: null, isUp: true },
      { name: 'short', isDefault: false, maxTimeMs: 600_000, maxMemoryMb: null, isUp: true },
    ]);
    expect(parsePartitions(recorded('partition-missing.out'))).toEqual([]);
    const withMemory = (text: string) =>
      parsePartitions(`PartitionName=x MaxMemPerNode=${text} State=UP`)[0]?.maxMemoryMb;
    expect(['3000', 'UNLIMITED', '0', ''].map(withMemory)).toEqual([3000, null, null, null]);
  });

  it('reads nodes, and which of them can be used', () => {
    expect(parseNodes(recorded('sinfo-driver.out'))).toEqual([
      { name: 'n1', cpus: 4, memoryMb: 4000, usable: true },
      { name: 'n2', cpus: 4, memoryMb: 4000, usable: true },
    ]);
    const states = [
      'mixed',
      'allocated',
      'idle~',
      'down',
      'down*',
      'drained',
      'draining',
      'idle*',
      'maint',
      'failing',
      'inval',
    ];
    const rows = parseNodes(states.map((state, at) => `n${at}|4|100|${state}|`).join('\n'));
    expect(rows.map(({ usable }) => usable)).toEqual([true, true, true, ...Array.from({ length: 8 }, () => false)]);
    expect(parseNodes('n1|4|100|idle|\nn1|4|100|idle|')).toHaveLength(1);
  });

  it('reads times', () => {
    const minute = 60_000;
    expect(
      ['10', '00:10:00', '1:30', '2-00:00:00', '1-12', '1-00:30', 'UNLIMITED', 'infinite', '', 'x'].map(
        parseSlurmTimeMs,
      ),
    ).toEqual([
      10 * minute,
      10 * minute,
      1.5 * minute,
      2880 * minute,
      2160 * minute,
      1470 * minute,
      null,
      null,
      null,
      null,
    ]);
  });

  it('reads submit limits', () => {
    expect(parseAssociationCap(recorded('sacctmgr-assoc.out'))).toEqual({ cap: null, defaultQos: [] });
    expect(parseAssociationCap(recorded('sacctmgr-assoc-limited.out')).cap).toEqual({
      name: 'MaxSubmitJobs of account main',
      value: 7,
    });
    expect(parseAssociationCap('a|9|short\nb|7|long\nc|0|\n')).toEqual({
      cap: { name: 'MaxSubmitJobs of account b', value: 7 },
      defaultQos: ['short', 'long'],
    });
    expect(parseQosCap(recorded('sacctmgr-qos.out'), ['normal'])).toBeNull();
    expect(parseQosCap(recorded('sacctmgr-qos-limited.out'), ['normal'])?.value).toBe(5);
    expect(parseQosCap('debug|1\nnormal|\n', ['normal'])).toBeNull();
  });

  it('never throws', () => {
    const text = fc
      .array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('PartitionName=', 'a|b|c|d', 'x = y')))
      .map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(text, (stdout) => {
        parseConfig(stdout);
        parsePartitions(stdout);
        parseNodes(stdout);
        parseSlurmTimeMs(stdout);
        parseAssociationCap(stdout);
        parseQosCap(stdout, ['normal']);
      }),
    );
  });
});
