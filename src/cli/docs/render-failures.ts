import { effectiveRules } from '../../domain/builtin-rules.ts';
import type { CauseInfo } from '../../domain/causes.ts';
import { actionWords, conditionWords } from '../../domain/rule-words.ts';
import { renderErrorGroups } from '../render/error-groups.ts';
import { createStyle } from '../render/style.ts';
import { ERRORS_EXAMPLE } from './error-groups-example.ts';
import { GENERATED } from './generated.ts';

/** Job file of the page; a test loads it. */
export const RULES_EXAMPLE = `input: {file: items.jsonl}
handler: {command: [./score, "{path}"]}
resources: {memory: 4G, time: 1h}
retry:
  rules:
    - {when: {cause: oom}, do: escalate, memory: x2, max: 64G, times: 3}
    - {when: {exit: 75}, do: retry, backoff: 10s..10m, times: 8}
    - {when: {error: "*RateLimit*"}, do: retry, backoff: 30s..10m}
    - {when: {cause: handler-error, error: "*no such record*"}, do: fail}
    - {when: {signal: SIGSEGV}, do: fail}
`;

const PAYERS: Readonly<Record<CauseInfo['payer'], string>> = { user: 'you', infra: 'nobody', none: 'no retry' };
const ACTIONS: Readonly<Record<CauseInfo['action'], string>> = {
  retry: 'try again',
  escalate: 'ask for more',
  fail: 'fail at once',
};

const PLAIN = { style: createStyle(false), width: Number.POSITIVE_INFINITY, flagged: String };

const ANALYSE_SECTION = `
## What fails, where, and what to do

\`slurmctl analyze-errors\` puts failures together that are the same failure, at any moment of a job's life:

\`\`\`console
$ slurmctl analyze-errors licences
${renderErrorGroups(ERRORS_EXAMPLE, PLAIN).trimEnd()}
\`\`\`

- **One kind of failure** has the same cause, error class and first line of the message, with what changes from one time to the next taken out: numbers, texts in
  quotes, paths, addresses, dates, identifiers. The twelve digits are its *fingerprint*; \`retry --error\` takes it, several with commas between them. Where a job has more than 200 kinds,
  those that read alike are put together, never across causes or error classes.
- \`--by cause\`, \`node\`, \`time\` or \`task\` groups the same failures differently.
- **Items and attempts** are counted apart: items that failed for good, and attempts at a task that ended without a result (out of memory, lost with their node), also where
  a later attempt made up for it.
- **What stands out** is told where half of the group or more has it in common, and much more of the group than of the rest of the job: a node, a span of time, a task; or records
  that are much larger or smaller than others of the same tasks.
- **Times and nodes** are those of the attempt that handed the items in; the time of an item itself is not stored.
- **While the job runs** it knows what has been saved: the results of finished tasks and the checkpoints of the others. The command of a group runs items of tasks that have ended, as \`retry\`
  always does, and says how many these are.
- **The rule** goes under \`retry.rules\` of the job file, for the next submit.

After the end it reads the published errors; where those are gone, the results of the tasks. \`--json\` prints up to 200 groups.
`;

const RETRY_SECTION = `
## Run failed items again

When a job has ended, \`slurmctl retry\` runs what failed again, and nothing else; what succeeded keeps its result to the last byte. First look:

\`\`\`console
$ slurmctl retry @last --dry-run                        # what failed, by cause and by fingerprint; changes nothing
$ slurmctl retry @last --cause oom --memory 16G --wait  # only these, with more memory
$ slurmctl retry @last --error 1f3a --wait              # one kind of failure, by the first digits of its fingerprint
$ slurmctl retry @last --items ids.txt --wait           # exactly the items with these ids, whatever became of them
$ slurmctl retry @last --task 12-40 --wait              # what failed in these tasks; with --all all of their items
\`\`\`

Options narrow each other: \`--dead --cause oom\` are the items of tasks that were given up for memory. Items of a task that was given up failed of what
the task failed of; in a cancelled job, so did those that never ran. An id or task that does not exist starts nothing. A handler that was
corrected is loaded anew; the input and the rest of the job file are those of the submit.

The job is then in its next *generation* and goes on like any other: \`status\`, \`pause\`, \`cancel\`, and killed processes whose work \`advance\` goes
on with. \`results\` shows the output of the generation before until the new one is published. A retry of a job that still runs opens only tasks that
have ended. A retry that fails again leaves everything it was not about as it was, and can be retried in turn.
`;

/** `docs/failures.md`: what happens when something fails. */
export function renderFailureDocs(causes: Readonly<Record<string, CauseInfo>>): string {
  const causeRows = Object.entries(causes).map(
    ([cause, { explanation, action, payer }]) =>
      `| \`${cause}\` | ${explanation} | ${ACTIONS[action]} | ${PAYERS[payer]} |`,
  );
  const rules = effectiveRules({}).map(
    (rule, index) => `${index + 1}. ${conditionWords(rule.when)}: ${actionWords(rule, { items: 3, attempts: 3 })}`,
  );
  return `# What happens when something fails

${GENERATED}

Items fail, processes are killed, nodes die. slurmctl gives each failure a *cause*, asks a list of *rules* what to do about it, and goes on with what
is not finished; what is finished is never run again.

- **An item fails** when the handler throws, its command ends badly, or it takes too long. The item may be tried again at once, by the same worker,
  while others go on. When its tries are used up it is a failed item: a row of the output with its error, and of \`errors.parquet\` with its cause.
- **An attempt at a task fails** when the worker ends before the task is done: out of memory, at the time limit, with its node. The next attempt takes
  over what was saved (\`checkpoint.every\`) and runs the rest. When the attempts are used up, the items that are left are failed items.
- **An item needs more** than its worker has, or has to wait for longer than a minute: it is left for the next attempt at its task, which runs only what
  is left. Tries of an item count on from one attempt to the next.

## Causes

| cause | what it means | what is done | whose attempt it costs |
|---|---|---|---|
${causeRows.join('\n')}

*Whose attempt*: tries of an item count against \`retry.items\`, attempts at a task against \`retry.attempts\`. What the infrastructure did costs
nobody anything; only a task that gets no nearer to its end in many attempts is given up, whatever the cause.

The batch system's own word comes first (\`OUT_OF_MEMORY\`, \`PREEMPTED\`). Otherwise the error tells: its class, message, code and HTTP status, the end of a
command's stderr; then the exit code and the signal. A process killed by SIGKILL (exit 137) is \`killed\`, and \`oom\` only where something speaks of
memory. A JavaScript handler can name the cause itself: an error whose \`name\` is a cause has that cause, such as \`bad-input\` for an item that is not worth
another try.

## Rules

The first rule that matches decides. These are built in and always come last:

${rules.join('\n')}

\`slurmctl plan job.yaml\` shows the rules of a job in their order. Your own come first:

\`\`\`yaml
${RULES_EXAMPLE.trimEnd()}
\`\`\`

\`when\` names the failures. Everything in it must hold; a list means any of its values; \`{}\` matches every failure.

| condition | holds for |
|---|---|
| \`cause: oom\` | a cause of the table above |
| \`exit: 75\` | the exit code of a command, or of a worker |
| \`signal: SIGSEGV\` | the signal that ended it, by name or number; exit code 128 + number too |
| \`error: "*RateLimit*"\` | error class, message, or \`class: message\`; \`*\` stands for any characters, \`?\` for one, upper and lower case are the same |

\`do\` says what happens:

- \`fail\`: the item has failed at once; a task is given up.
- \`retry\`: again, \`times\` more times at most. Without \`times\`, \`retry.items\` and \`retry.attempts\` decide; where \`retry.items\` would grant an item no
  further try, it gets as many tries as a task gets attempts.
- \`escalate\`: again in an array element that asks for more \`memory\` or \`time\`: \`x1.5\` times what was asked for, or \`+4G\`, \`+30m\` more. Never
  above \`max\` (with both: \`max: {memory: 64G, time: 12h}\`) or what the partition has. \`times\` (default 2) is how often a task is escalated; after that,
  and on its last attempt, the failure is treated as if the rule were not there, so a rule for the same failures may follow it.

\`backoff: 10s..10m\` is the wait before the retry instead of \`retry.backoff\`: a random time up to the shorter one, then doubling up to the longer one.

A rule that can never match, because of the rules before it or because its conditions exclude each other, is an error when the job file is read, and
so are two rules that do different things about the same failures. An escalation does not stand in the way of the rules after it.
${ANALYSE_SECTION}${RETRY_SECTION}`;
}
