import { defineCommand } from '../define-command.ts';

export const doctor = defineCommand({
  name: 'doctor',
  group: 'Upkeep',
  summary: 'Check this host and show where every setting comes from',
  description:
    'Checks Node, the batch system, write access, local scratch, the clock and limits; each line says ok, warn or fail, with a remedy. Where a ' +
    'bucket, a table or a queue is in use, it tries on things of its own, which it removes, what they really do: writes on a condition, checksums, ' +
    'listings, redrive, clocks; plan and submit remember what failed. Then shows every setting and where it came from. Exits with 5 when a check fails.',
  args: {},
  options: {},
  examples: [{ command: 'slurmctl doctor', what: 'Before the first job, and when something is odd' }],
  run: async (session) => {
    const document = await (await session.app()).doctor();
    const { renderDoctor } = await import('../render/doctor.ts');
    await session.show(document, renderDoctor);
    if (document.ok) session.next('slurmctl init');
    else session.note('correct the lines marked fail, then run: slurmctl doctor');
    return document.ok ? 0 : 5;
  },
});
