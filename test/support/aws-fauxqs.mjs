// fauxqs (S3 and SQS) on the loopback interface, nearer to AWS where slurmctl can see the difference:
// - a queue's URL points to the host that the client asked, so that it resolves, and leads through a proxy if there is one;
// - keys are listed in the order of their UTF-8 bytes, at most 1,000 a page;
// - `PUT` with If-None-Match or If-Match is refused as S3 does (not with --plain);
// - multipart uploads can be listed.
import { buildApp } from 'fauxqs';
import { announce, serverOptions } from './aws-listen.mjs';

const own = async (path) => import(new URL(path, import.meta.resolve('fauxqs')).href);
const { S3Store } = await own('./s3/s3Store.js');
const { SqsStore } = await own('./sqs/sqsStore.js');
const { SnsStore } = await own('./sns/snsStore.js');
const { S3Error } = await own('./common/errors.js');
const { escapeXml } = await own('./common/xml.js');

/** UTF-8 keeps the order of code points; UTF-16 puts surrogates before U+E000–U+FFFF. */
const byBytes = (a, b) =>
  /[\ud800-\uffff]/.test(a + b) ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : a < b ? -1 : +(a > b);

class ByteOrderedStore extends S3Store {
  listObjects(bucket, { prefix = '', delimiter, maxKeys = 1000, startAfter = '', marker = '' } = {}) {
    if (!this.buckets.has(bucket)) return super.listObjects(bucket);
    const from = startAfter || marker;
    const keys = [...this.buckets.get(bucket).keys()].filter((key) => key.startsWith(prefix) && byBytes(key, from) > 0);
    const page = { objects: [], commonPrefixes: [], isTruncated: false };
    const seen = new Set();
    for (const key of keys.toSorted(byBytes)) {
      const end = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
      const group = end < 0 ? null : key.slice(0, end + delimiter.length);
      if (group !== null && (seen.has(group) || byBytes(group, from) <= 0)) continue;
      if (page.objects.length + page.commonPrefixes.length >= Math.min(maxKeys, 1000)) {
        page.isTruncated = true;
        break;
      }
      if (group === null) page.objects.push(this.buckets.get(bucket).get(key));
      else page.commonPrefixes.push(seen.add(group) && group);
    }
    return page;
  }
}

/** A queue is found by its name whatever host its URL names. */
class AnyHostStore extends SqsStore {
  host = '';
  getQueue(url) {
    return this.getQueueByName(nameOf(url));
  }
  deleteQueue(url) {
    return super.deleteQueue(this.getQueue(url)?.url);
  }
}

const nameOf = (url) => String(url).split('/').at(-1);

const options = serverOptions({ plain: { type: 'boolean' } });
const stores = { s3Store: new ByteOrderedStore(), sqsStore: new AnyHostStore(), snsStore: new SnsStore() };
const app = buildApp({ logger: false, stores });

app.addHook('preSerialization', (request, _reply, payload, done) => {
  const here = (url) => `http://${request.headers.host}${new URL(url).pathname}`;
  if (payload?.QueueUrl) done(null, { ...payload, QueueUrl: here(payload.QueueUrl) });
  else if (payload?.QueueUrls) done(null, { ...payload, QueueUrls: payload.QueueUrls.map(here) });
  else done(null, payload);
});

app.addHook('preHandler', (request, reply, done) => {
  const { bucket, '*': key = '' } = request.params ?? {};
  try {
    if (request.method === 'GET' && key === '' && 'uploads' in (request.query ?? {})) listUploads(bucket, reply);
    else {
      if (request.method === 'PUT' && key !== '' && options.plain !== true)
        checkConditions(bucket, key, request.headers);
      done();
    }
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    reply.status(error.statusCode).header('content-type', 'application/xml').send(error.toXml());
  }
});

function checkConditions(bucket, key, headers) {
  const present = stores.s3Store.buckets.get(bucket)?.get(key);
  const bare = (etag) => etag.replaceAll('"', '');
  const refuse = () => {
    throw new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', 412);
  };
  if (headers['if-none-match'] === '*' && present !== undefined) refuse();
  if (headers['if-match'] === undefined) return;
  if (present === undefined)
    throw new S3Error('NoSuchKey', 'The specified key does not exist.', 404, `/${bucket}/${key}`);
  if (bare(headers['if-match']) !== bare(present.etag)) refuse();
}

function listUploads(bucket, reply) {
  if (!stores.s3Store.hasBucket(bucket))
    throw new S3Error('NoSuchBucket', `The specified bucket does not exist: ${bucket}`, 404);
  const uploads = [...stores.s3Store.multipartUploads.values()].filter((upload) => upload.bucket === bucket);
  const xml = uploads.map(
    ({ key, uploadId, initiated }) =>
      `<Upload><Key>${escapeXml(key)}</Key><UploadId>${uploadId}</UploadId><Initiated>${initiated.toISOString()}</Initiated></Upload>`,
  );
  reply
    .header('content-type', 'application/xml')
    .send(
      `<?xml version="1.0" encoding="UTF-8"?><ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
        `<Bucket>${escapeXml(bucket)}</Bucket><IsTruncated>false</IsTruncated>${xml.join('')}</ListMultipartUploadsResult>`,
    );
}

await app.listen({ port: Number(options.port), host: '127.0.0.1' });
announce(app.server.address().port, options);
