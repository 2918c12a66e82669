// Fills Redis with what BullMQ 1 to 6 leaves behind: `node bullmq.mjs 5`.
import { connection, farMs, payloads, sleep, until, untilFar } from './shared.mjs';

const major = Number(process.argv[2]);
const { FlowProducer, Queue, Worker } = await import(`bullmq${major}`);
const cron = major === 1 ? 'cron' : 'pattern';
const open = (name) => new Queue(name, { connection });
const worker = (name, processor, opts = {}) => new Worker(name, processor, { connection, ...opts });

async function finished() {
  const queue = open('audio');
  await queue.add('speak', { page: 1 });
  await queue.add('speak', { page: 2, fail: 'no voice' }, { attempts: 2 });
  await queue.add('silent', { page: 3 });
  await queue.add('speak', { page: 4, fail: 'later' }, { attempts: 3, backoff: 86_400_000_000 });
  const running = worker(
    'audio',
    async (job) => {
      await job.log('started');
      await job.updateProgress({ percent: 50 });
      await job.log('half way');
      if (job.data.fail) throw new Error(`cannot speak: ${job.data.fail}`);
      return job.name === 'silent' ? undefined : { file: `${job.data.page}.mp3`, seconds: 12.5 };
    },
    { metrics: { maxDataPoints: 10 }, name: 'narrator' },
  );
  await until(async () => {
    const counts = await queue.getJobCounts('completed', 'failed', 'delayed');
    return counts.completed === 2 && counts.failed === 1 && counts.delayed === 1;
  }, 'finished jobs');
  await running.close();
  return queue;
}

async function active(queue) {
  await queue.add('speak', { page: 5 }, { jobId: 'held-without-lock' });
  const short = worker('audio', undefined, { lockDuration: 100, drainDelay: 1 });
  await short.getNextJob('short');
  await sleep(300);
  await queue.add('speak', { page: 6 }, { jobId: 'held-with-lock' });
  const long = worker('audio', undefined, { lockDuration: 3_600_000, drainDelay: 1 });
  await long.getNextJob('long');
}

async function pending(queue) {
  for (const [name, data] of Object.entries(payloads)) {
    await queue.add('speak', data, { jobId: `payload-${name}` });
  }
  await queue.add('speak', { page: 20 }, { lifo: true });
  for (const [page, priority] of [[21, 5], [22, 1], [23, 5], [24, 2_097_151]]) {
    await queue.add('speak', { page }, { priority });
  }
  await queue.add('speak', { page: 25 }, { delay: untilFar(), removeOnComplete: { count: 5 } });
  const same = { timestamp: farMs - 1000, delay: 1000 };
  await queue.add('speak', { page: 26 }, { ...same, jobId: 'tie-b' });
  await queue.add('speak', { page: 27 }, { ...same, jobId: 'tie-a' });
  await queue.add('speak', { page: 28 }, { priority: 3, delay: untilFar(), jobId: 'delayed-priority' });
  const keep = { attempts: 4, backoff: { type: 'exponential', delay: 1000 }, stackTraceLimit: 2 };
  await queue.add('speak', { page: 29 }, { ...keep, keepLogs: 3, sizeLimit: 5000 });
  if (major >= 5) {
    await queue.add('speak', { page: 30 }, { deduplication: { id: 'once' } });
    await queue.add('speak', { page: 31 }, { deduplication: { id: 'for-a-while', ttl: 86_400_000 } });
  }
}

async function repeating(queue) {
  if (major <= 5) {
    await queue.add('nightly', { what: 'cron' }, { repeat: { [cron]: '0 3 1 1 *', tz: 'Europe/Berlin' } });
    await queue.add('tick', { what: 'every' }, { repeat: { every: 86_400_000, limit: 9 }, jobId: 'ticker' });
    await queue.add(
      'season',
      { what: 'until' },
      { repeat: { [cron]: '0 0 1 1 *', endDate: new Date(farMs).toISOString() } },
    );
    if (major === 5) {
      await queue.add('keyed', { what: 'key' }, { repeat: { pattern: '0 4 1 1 *', key: 'my-own-key' } });
    }
  }
  if (major >= 5) {
    const template = { name: 'mail', data: { to: ['a', 'b'] }, opts: { attempts: 3, keepLogs: 7 } };
    await queue.upsertJobScheduler('report', { pattern: '0 0 5 1 1 *', tz: 'Asia/Tokyo' }, template);
    await queue.upsertJobScheduler('daily', { every: 86_400_000, limit: 30 }, template);
    await queue.upsertJobScheduler('bare: with/odd*name', { every: 86_400_000, startDate: farMs });
  }
}

// One parent per failure policy. Children live in a second queue; each policy gets a child that
// completes, one that fails and one that never runs.
async function flows() {
  const policies = { plain: {} };
  if (major >= 2) policies.fail = { failParentOnFailure: true };
  if (major >= 4) policies.remove = { removeDependencyOnFailure: true };
  if (major >= 5) policies.ignore = { ignoreDependencyOnFailure: true };
  if (major >= 5) policies.continue = { continueParentOnFailure: true };
  const flow = new FlowProducer({ connection });
  for (const [policy, opts] of Object.entries(policies)) {
    const child = (kind, more = {}) => ({
      name: kind, queueName: 'pages', data: { kind }, opts: { ...opts, jobId: `${policy}-${kind}`, ...more },
    });
    await flow.add({
      name: 'book',
      queueName: 'books',
      data: { policy },
      opts: { jobId: `book-${policy}` },
      children: [child('done'), child('broken'), child('idle', { delay: untilFar() })],
    });
  }
  await flow.add({
    name: 'book',
    queueName: 'books',
    data: { policy: 'grandchildren' },
    opts: { jobId: 'book-deep', priority: major >= 4 ? 4 : undefined },
    children: [{
      name: 'chapter', queueName: 'books', data: {}, opts: { jobId: 'chapter' },
      children: [{ name: 'idle', queueName: 'pages', data: {}, opts: { jobId: 'deep-idle', delay: untilFar() } }],
    }],
  });
  const pages = open('pages');
  const running = worker('pages', async (job) => {
    if (job.name === 'broken') throw new Error('torn page');
    return { pages: [1, 2, 3] };
  });
  const total = Object.keys(policies).length;
  await until(async () => {
    const counts = await pages.getJobCounts('completed', 'failed');
    return counts.completed === total && counts.failed === total;
  }, 'children');
  await running.close();
}

async function paused() {
  const queue = open('resting place');
  await queue.add('rest', { n: 1 });
  await queue.pause();
  await queue.add('rest', { n: 2 });
  await queue.add('rest', { n: 3 }, { lifo: true });
  if (major >= 5) await queue.setGlobalConcurrency(3);
  if (major >= 6) await queue.setGlobalRateLimit(10, 60_000);
}

async function limited() {
  const queue = open('limited');
  await queue.addBulk([1, 2, 3].map((n) => ({ name: 'n', data: { n } })));
  const running = worker('limited', async () => 'ok', { limiter: { max: 1, duration: 3_600_000 } });
  await until(async () => (await queue.getCompletedCount()) === 1, 'the limited queue');
  await sleep(200);
  await running.close(true);
}

// A queue that only ever held delayed jobs: majors 3 and 4 put a marker entry into its `wait` list.
async function later() {
  await open('later').add('later', { n: 1 }, { delay: untilFar() });
}

const queue = await finished();
await active(queue);
await pending(queue);
await repeating(queue);
await flows();
await paused();
await limited();
await later();
process.exit(0);
