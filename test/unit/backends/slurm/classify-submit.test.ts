import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifySubmitFailure, SLEEPING } from '../../../../src/backends/batch-system/slurm/classify-submit.ts';
import { parseSubmitted } from '../../../../src/backends/batch-system/slurm/parse-sbatch.ts';
import { recorded } from './fixture.ts';

const failed = (text: string) => `sbatch: error: Batch job submission failed: ${text}\n`;

describe('a failed sbatch', () => {
  it.each([
    ['sbatch-partition.err', 'BATCH_REFUSED', /slurm\.partition/],
    ['sbatch-account.err', 'BATCH_REFUSED', /slurm\.account/],
    ['sbatch-array.err', 'BATCH_REFUSED', /MaxArraySize/],
    ['sbatch-mem.err', 'BATCH_REFUSED', /lower resources/],
    ['sbatch-badtime.err', 'BATCH_REFUSED', /resources\.time/],
    ['sbatch-badopt.err', 'BATCH_REFUSED', /slurm\.extra/],
    ['sbatch-constraint.err', 'BATCH_REFUSED', /slurm\.extra/],
    ['sbatch-gres.err', 'BATCH_REFUSED', /slurm\.extra/],
    ['sbatch-license.err', 'BATCH_REFUSED', /slurm\.extra/],
    ['sbatch-reservation.err', 'BATCH_REFUSED', /slurm\.extra/],
    ['sbatch-nointerp.err', 'BATCH_REFUSED', undefined],
    ['sbatch-crlf.err', 'BATCH_REFUSED', undefined],
    ['sbatch-assoc-limit.err', 'BATCH_LIMIT', undefined],
    ['sbatch-qos-limit.err', 'BATCH_LIMIT', undefined],
    ['down-sbatch.err', 'BATCH_UNREACHABLE', undefined],
    ['noconf.err', 'BATCH_UNREACHABLE', /SLURM_CONF/],
  ] as const)('as recorded in %s is %s', (file, code, hint) => {
    const verdict = classifySubmitFailure(recorded(file), 1);
    expect(verdict.code).toBe(code);
    if (hint !== undefined) expect(verdict.hint).toMatch(hint);
    expect(verdict.said).not.toMatch(/^sbatch:|\n/);
    expect(verdict.said).not.toBe('');
  });

  it.each([
    [failed('Socket timed out on send/recv operation'), 'BATCH_UNCERTAIN'],
    [failed('Zero Bytes were transmitted or received'), 'BATCH_UNCERTAIN'],
    [failed('Unable to contact slurm controller (receive failure)'), 'BATCH_UNCERTAIN'],
    [failed('Unable to contact slurm controller (connect failure)'), 'BATCH_UNREACHABLE'],
    [failed('Invalid qos specification'), 'BATCH_REFUSED'],
    [failed('Requested time limit is invalid (missing or exceeds some limit)'), 'BATCH_REFUSED'],
    [`sbatch: error: QOSMaxWallDurationPerJobLimit\n${failed('Job violates accounting/QOS policy')}`, 'BATCH_REFUSED'],
    [`sbatch: error: QOSMaxCpuPerJobLimit\n${failed('Job violates accounting/QOS policy')}`, 'BATCH_REFUSED'],
    [`sbatch: error: AssocGrpSubmitJobsLimit\n${failed('Job violates accounting/QOS policy')}`, 'BATCH_LIMIT'],
    [failed('Job violates accounting/QOS policy (job submit limit)'), 'BATCH_LIMIT'],
    [failed('Resource temporarily unavailable'), 'BATCH_LIMIT'],
    [failed('Required partition not available (inactive or drain)'), 'BATCH_LIMIT'],
    [failed('A sentence of Slurm nobody has seen yet'), 'BATCH_REFUSED'],
    ['Traceback (most recent call last):\n  KeyError', 'BATCH_UNCERTAIN'],
    ['', 'BATCH_UNCERTAIN'],
  ])('saying %j is %s', (stderr, code) => {
    expect(classifySubmitFailure(stderr, 1).code).toBe(code);
  });

  it('is read through the banner of a site', () => {
    const banner = '*** Welcome to Cluster! Maintenance on Monday ***\r\n\r\n';
    const verdict = classifySubmitFailure(banner + recorded('sbatch-partition.err'), 1);
    expect(verdict).toMatchObject({ code: 'BATCH_REFUSED', badPartition: true });
    expect(verdict.said).not.toContain('Welcome');
  });

  it('knows the sentence sbatch goes to sleep with', () => {
    expect('sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying\n').toMatch(SLEEPING);
  });

  it('always gets one of four codes and one short line', () => {
    const codes = ['BATCH_LIMIT', 'BATCH_REFUSED', 'BATCH_UNREACHABLE', 'BATCH_UNCERTAIN'];
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), fc.option(fc.nat(255)), (stderr, exitCode) => {
        const verdict = classifySubmitFailure(stderr, exitCode);
        expect(codes).toContain(verdict.code);
        expect(verdict.said.length).toBeLessThanOrEqual(500);
        expect(verdict.said).not.toMatch(/[\n]/);
      }),
    );
  });
});

describe('parseSubmitted', () => {
  it('reads what sbatch printed', () => {
    expect(parseSubmitted(recorded('sbatch-ok.out'))).toEqual({ id: '13' });
  });

  it.each([
    ['4711\n', { id: '4711' }],
    ['4711;hpc2\r\n', { id: '4711', cluster: 'hpc2' }],
    ['Welcome!\n\n 4711 \nDisk quota: 80 %\n', { id: '4711' }],
    ['Submitted batch job 4711\n', { id: '4711' }],
    ['Submitted batch job 4711 on cluster hpc2', { id: '4711', cluster: 'hpc2' }],
    ['4711\n4711\n', { id: '4711' }],
    ['2026\n4711\n', null],
    ['', null],
    ['job 4711', null],
    ['0\n', null],
    ['-5\n', null],
  ])('%j gives %j', (stdout, expected) => {
    expect(parseSubmitted(stdout)).toEqual(expected);
  });
});
