import type { DoctorDocument } from '../../app/documents.ts';
import { displayWidth, printable } from './text.ts';
import type { View } from './view.ts';

/** One line a check with the remedy below it, then every setting and where it came from. */
export function renderDoctor({ checks, settings }: DoctorDocument, view: View): string {
  const { style } = view;
  const paints = { ok: style.good, warn: style.warn, fail: style.bad };
  const nameWidth = Math.max(0, ...checks.map(({ name }) => displayWidth(printable(name))));
  const lines = checks.map(({ name, verdict, found, remedy }) => {
    const pad = ' '.repeat(nameWidth - displayWidth(printable(name)));
    const todo = remedy === null ? '' : `${' '.repeat(nameWidth + 8)}→ ${printable(remedy)}\n`;
    return `${paints[verdict](verdict.padEnd(4))}  ${printable(name)}${pad}  ${printable(found)}\n${todo}`;
  });
  const settingWidth = Math.max(0, ...settings.map(({ name }) => name.length));
  const origins = settings.map(
    ({ name, value, from }) =>
      `${style.dim(name.padEnd(settingWidth))}  ${printable(value)}  ${style.dim(`(${printable(from)})`)}\n`,
  );
  return `${lines.join('')}\n${style.bold('settings')}\n${origins.join('')}`;
}
