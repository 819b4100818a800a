import { parsed } from '../define-command.ts';

const MOST_PORT = 65_535;

export const PORT_OPTION = parsed('number', 'With --serve: listen here (default: a free port)', {
  parse: (raw) => (/^\d{1,5}$/.test(raw) && Number(raw) >= 1 && Number(raw) <= MOST_PORT ? Number(raw) : null),
  expected: `a port from 1 to ${MOST_PORT}`,
});
