// An HTTP API with rate limits, in a process of its own, by a clock of its own. argv[2] is {limits, latencyMs}. Prints `listening PORT`, ends with its
// standard input.
//   POST /call {caller, cost, turnMs}   200 after latencyMs, or at once 429 with Retry-After in whole seconds and Retry-After-Ms
//   POST /limits {limits, latencyMs}   other limits, full buckets, an empty ledger
//   GET  /ledger                {nowMs, arrivals: [{atMs, caller, cost, admitted, turnMs}]}
import { createServer } from 'node:http';
import { createBuckets } from './provider-bucket.mjs';

/** Every call costs a request; whatever else it costs it says. */
const costOf = (said) => ({ requests: 1, ...said });

let { limits, latencyMs } = JSON.parse(process.argv[2]);
let buckets = createBuckets(limits);
let arrivals = [];

const bodyOf = async (request) => {
  let text = '';
  for await (const part of request) text += part;
  return text === '' ? {} : JSON.parse(text);
};

function answer(response, status, body, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

function call(response, atMs, { caller, cost: said, turnMs }) {
  const cost = costOf(said);
  const { admitted, retryAfterMs } = buckets.take(cost, atMs);
  arrivals.push({ atMs, caller, cost, admitted, turnMs });
  if (admitted) return void setTimeout(answer, latencyMs, response, 200, {});
  const waitMs = Number.isFinite(retryAfterMs) ? Math.ceil(retryAfterMs) : 3_600_000;
  const headers = { 'retry-after': String(Math.ceil(waitMs / 1_000)), 'retry-after-ms': String(waitMs) };
  answer(response, 429, { error: 'too many requests' }, headers);
}

async function respond(request, response) {
  // The head of a request is its arrival, however long its body and the event loop take.
  const atMs = performance.now();
  const body = await bodyOf(request);
  if (request.url === '/call') return call(response, atMs, body);
  if (request.url === '/ledger') return answer(response, 200, { nowMs: atMs, arrivals });
  if (request.url !== '/limits') return answer(response, 404, {});
  ({ limits, latencyMs } = body);
  buckets = createBuckets(limits);
  arrivals = [];
  answer(response, 200, {});
}

const server = createServer((request, response) => void respond(request, response));
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`listening ${server.address().port}\n`));
process.stdin.resume().on('end', () => process.exit(0));
