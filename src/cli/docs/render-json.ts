import { type Declaration, declarationsOf } from './declarations.ts';
import { GENERATED } from './generated.ts';

/** Source texts that declare the documents and the types they use. */
export interface DocumentSources {
  /** Declares the documents of the app, in the order of the page. */
  readonly app: string;
  /** Declares the documents that the command line adds. */
  readonly cli: string;
  /** Declare the types that documents refer to. */
  readonly shared: readonly string[];
  /** Types that are one of some words; with what each word means where that is not plain. */
  readonly words: Readonly<Record<string, readonly (readonly [word: string, meaning: string | null])[]>>;
}

/** Types that a document may refer to, beside those whose name is in another document. */
const SHARED = [
  'ItemCounts',
  'TaskCounts',
  'SubmissionItem',
  'NodeTally',
  'Problem',
  'Place',
  'MetricSample',
  'HealthFinding',
] as const;

/** `docs/json.md`: the documents of `--json`, from their declarations. @throws Error when a declaration cannot be found */
export function renderJsonDocs({ app, cli, shared, words }: DocumentSources): string {
  const documents = [...declarationsOf(app), ...declarationsOf(cli)];
  const declared = shared.flatMap(declarationsOf);
  const helpers = SHARED.map((name) => {
    const found = declared.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no declaration of ${name} in the sources`);
    return found;
  });
  return `# JSON documents

${GENERATED}

With \`--json\` every command prints exactly one document on stdout, also when it fails. \`status --watch\`,
\`limit show --watch\`, \`pool show --watch\`, \`logs --follow\` and \`events\` print one document a line.
\`schema\` names kind and version; within a version fields are added, never renamed or removed: ignore fields you do not know. Times are ISO-8601 in UTC,
durations are milliseconds (\`…Ms\`), sizes are bytes. The shapes below are in TypeScript notation; \`?\` marks a field that may be absent.
A type that is not declared here, such as \`JobState\`, is one of the words at the end; \`ErrorCode\` is one of [errors.md](errors.md), and ids are strings.

${[...documents, ...helpers].map(section).join('\n\n')}

${Object.entries(words).map(wordSection).join('\n\n')}
`;
}

function section({ name, prose, text }: Declaration): string {
  const schema = /schema: '([^']+)'/.exec(text)?.[1];
  const title = schema === undefined ? name : `${schema} (${name})`;
  return `## ${title}\n\n${prose === '' ? '' : `${prose}\n\n`}\`\`\`ts\n${text}\n\`\`\``;
}

const wordSection = ([name, words]: readonly [string, DocumentSources['words'][string]]): string =>
  `## ${name}\n\nOne of:\n\n${words.map(([word, meaning]) => `- \`${word}\`${meaning === null ? '' : `: ${meaning}`}`).join('\n')}`;
