import type { InitAwsDocument } from '../../app/init-documents.ts';
import { displayWidth, printable } from './text.ts';
import type { View } from './view.ts';

/** One line a resource with what was found and what to do below it; after a dry run the policies and templates, each under a heading. */
export function renderInitAws({ resources, templates }: InitAwsDocument, view: View): string {
  const { style } = view;
  const plain = (text: string): string => text;
  const paints = { exists: style.good, created: style.good, missing: plain, wrong: style.bad, failed: style.bad };
  const width = Math.max(...resources.map(({ name }) => displayWidth(printable(name))));
  const lines = resources.map(({ kind, name, server, verdict, found, remedies }) => {
    const pad = ' '.repeat(width - displayWidth(printable(name)));
    const head = `${paints[verdict](verdict.padEnd(7))}  ${kind.padEnd(12)}  ${printable(name)}${pad}  ${printable(server)}\n`;
    const below = [...found, ...remedies.map((remedy) => `→ ${remedy}`)];
    return `${head}${below.map((line) => `         ${printable(line)}\n`).join('')}`;
  });
  if (templates === null) return lines.join('');
  const { notes, policies, cloudFormation, terraform } = templates;
  const section = (title: string, content: object): string =>
    `\n${style.bold(title)}\n${JSON.stringify(content, null, 2)}\n`;
  return [
    ...lines,
    `\n${notes.map((note) => `${printable(note)}\n`).join('')}`,
    ...Object.entries(policies).map(([role, policy]) => section(`IAM policy of ${role}`, policy as object)),
    section('CloudFormation', cloudFormation),
    section('Terraform (slurmctl.tf.json)', terraform),
  ].join('');
}
