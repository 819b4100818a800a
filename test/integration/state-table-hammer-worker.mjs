// One process of the hammer: argv[2] is {dist, url, id, role, fsync}. Says what it does on stdout, a line each, before the next step:
//   T/A/U <key>  an increment is tried / acknowledged / uncertain      W <key>  this process created the key
//   C <key>  it claimed and released the key                          V <text>  something impossible was seen
// It stops when its stdin ends.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const { dist, url, id, role, fsync } = JSON.parse(process.argv[2]);
const load = (path) => import(pathToFileURL(join(dist, path)).href);
const { createSystemClock } = await load('backends/clock.js');
const { createSystemIds, createSystemRandom } = await load('backends/random.js');

const clock = createSystemClock();
const ids = createSystemIds(clock);
const table = await open();

async function open() {
  if (url.startsWith('file:')) {
    const { createFsStateTable } = await load('backends/state-table/fs.js');
    return createFsStateTable({ root: fileURLToPath(url), ids, clock, fsync });
  }
  const { createDynamoStateTable } = await load('backends/state-table/dynamodb.js');
  const { createRequestMeter } = await load('backends/shared/aws/meter.js');
  const { knownBackend } = await load('domain/backend-url.js');
  const context = { clock, ids, random: createSystemRandom(), meter: createRequestMeter() };
  return createDynamoStateTable({ backend: knownBackend(url), context });
}

const say = (line) => writeSync(1, `${line}\n`);
const at = (sort, partition = 'hammer') => ({ partition, sort });
const PRESENT = { op: 'item-present' };

let stopping = false;
process.stdin.resume().on('end', () => (stopping = true));

async function certain(key, run) {
  try {
    return await run();
  } catch (error) {
    if (error.code !== 'STATE_UNCERTAIN') throw error;
    say(`U ${key}`);
    return null;
  }
}

async function increment(key) {
  say(`T ${key}`);
  const result = await certain(key, () => table.write(at(key), { add: { n: 1, [`w${id}`]: 1 } }, PRESENT));
  if (result === null) return;
  if (!result.applied) say(`V ${key} is gone`);
  say(`A ${key}`);
}

/** Owner-style: claim, look around inside, release. A claim held by a process that is known to be dead is taken over. */
async function claim(key) {
  const free = { op: 'and', of: [PRESENT, { op: 'absent', path: 'owner' }] };
  let claimed = await certain(key, () => table.write(at(key), { set: { owner: id }, add: { inside: 1 } }, free));
  if (claimed?.applied === false) {
    const owner = claimed.current?.owner;
    if (owner === undefined || (await table.get(at(`dead-${owner}`, 'dead'))) === null) return;
    const held = { op: 'equals', path: 'owner', value: owner };
    claimed = await certain(key, () => table.write(at(key), { set: { owner: id, inside: 1 } }, held));
  }
  // After an uncertain claim this id may own the key; the test sees it as any owner that stopped, once this process has ended.
  if (claimed?.applied !== true) return;
  if (claimed.item.inside !== 1) say(`V ${claimed.item.inside} owners inside ${key}`);
  const mine = { op: 'equals', path: 'owner', value: id };
  const released = await certain(key, () =>
    table.write(at(key), { remove: ['owner'], add: { inside: -1, done: 1 } }, mine),
  );
  if (released?.applied === false)
    say(`V ${key} was stolen from the living ${id}: ${JSON.stringify(released.current)}`);
  say(`C ${key}`);
}

async function create(key) {
  const result = await certain(key, () => table.write(at(key, 'fresh'), { set: { owner: id } }, { op: 'item-absent' }));
  if (result?.applied) say(`W ${key}`);
}

async function write() {
  for (let step = 0; !stopping; step += 1) {
    await increment('hot');
    await increment(`warm-${(step + id) % 5}`);
    await claim(`task-${step % 3}`);
    await create(`fresh-${step}`);
  }
}

async function read() {
  const latest = new Map();
  const check = (sort, item) => {
    if (sort.startsWith('task-')) return;
    const sum = Object.entries(item).reduce((total, [name, value]) => total + (name.startsWith('w') ? value : 0), 0);
    if (sum !== item.n) say(`V ${sort} does not add up: ${JSON.stringify(item)}`);
    if (item.n < (latest.get(sort) ?? 0)) say(`V ${sort} went back from ${latest.get(sort)} to ${item.n}`);
    latest.set(sort, item.n);
  };
  while (!stopping) {
    let count = 0;
    for await (const { sort, item } of table.query('hammer')) {
      count += 1;
      check(sort, item);
    }
    if (count !== 9) say(`V the query saw ${count} of 9 items`);
    const hot = await table.get(at('hot'));
    if (hot === null) say('V hot is gone');
    else check('hot', hot);
    say('R');
  }
}

await (role === 'reader' ? read() : write());
