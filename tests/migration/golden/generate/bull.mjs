// Fills Redis with what Bull 3 or 4 leaves behind: `node bull.mjs 3`.
import { farMs, payloads, port, sleep, until, untilFar } from './shared.mjs';

const major = Number(process.argv[2]);
const { default: Bull } = await import(`bull${major}`);
const redis = { host: '127.0.0.1', port };
const open = (name, opts = {}) => new Bull(name, { redis, ...opts });

async function finished() {
  const queue = open('audio', major === 4 ? { metrics: { maxDataPoints: 10 } } : {});
  queue.process('speak', 1, async (job) => {
    await job.log('started');
    await job.progress(50);
    await job.log('half way');
    if (job.data.fail) throw new Error(`cannot speak: ${job.data.fail}`);
    return { file: `${job.data.page}.mp3`, seconds: 12.5 };
  });
  queue.process('__default__', 1, async () => 'text result');
  await queue.add('speak', { page: 1 });
  await queue.add('speak', { page: 2, fail: 'no voice' }, { attempts: 2 });
  await queue.add({ page: 3 });
  await queue.add('speak', { page: 4, fail: 'later' }, { attempts: 3, backoff: 86_400_000_000 });
  await until(async () => {
    const counts = await queue.getJobCounts();
    return counts.completed === 2 && counts.failed === 1 && counts.delayed === 1;
  }, 'finished jobs');
  await queue.close();
}

async function active() {
  const stalled = open('audio', { settings: { lockDuration: 100, stalledInterval: 0 } });
  await stalled.add('speak', { page: 5 }, { jobId: 'held-without-lock' });
  await stalled.getNextJob();
  await sleep(300);
  await stalled.close();
  const held = open('audio', { settings: { lockDuration: 3_600_000, lockRenewTime: 3_600_000 } });
  await held.add('speak', { page: 6 }, { jobId: 'held-with-lock' });
  await held.getNextJob();
  return held;
}

async function pending(queue) {
  for (const [name, data] of Object.entries(payloads)) {
    await queue.add('speak', data, { jobId: `payload-${name}` });
  }
  await queue.add('speak', { page: 20 }, { lifo: true });
  await queue.add('speak', { page: 21 }, { priority: 5 });
  await queue.add('speak', { page: 22 }, { priority: 1 });
  await queue.add('speak', { page: 23 }, { priority: 5 });
  await queue.add('speak', { page: 24 }, { delay: untilFar(), removeOnComplete: 5 });
  const same = { timestamp: farMs - 1000, delay: 1000 };
  await queue.add('speak', { page: 25 }, { ...same, jobId: 'tie-b' });
  await queue.add('speak', { page: 26 }, { ...same, jobId: 'tie-a' });
  await queue.add('speak', { page: 27 }, { timeout: 5000, removeOnFail: true, stackTraceLimit: 1 });
  await queue.add({ page: 28 }, { jobId: 'named:with:colons' });
  await queue.add('nightly', { what: 'cron' }, { repeat: { cron: '0 3 1 1 *', tz: 'Europe/Berlin' } });
  await queue.add('tick', { what: 'every' }, { repeat: { every: 86_400_000, limit: 9 }, jobId: 'ticker' });
  await queue.add(
    'season',
    { what: 'until' },
    { repeat: { cron: '0 0 1 1 *', endDate: new Date(farMs).toISOString() } },
  );
}

async function paused() {
  const queue = open('resting place');
  await queue.add({ n: 1 });
  await queue.pause();
  await queue.add({ n: 2 });
  await queue.add({ n: 3 }, { lifo: true });
  await queue.close();
}

async function limited() {
  const queue = open('limited', { limiter: { max: 1, duration: 3_600_000 } });
  queue.process(async () => 'ok');
  await queue.add({ n: 1 });
  await queue.add({ n: 2 });
  await until(async () => (await queue.getCompletedCount()) === 1, 'the limited queue');
  await sleep(300);
  await queue.close(true);
}

await finished();
const held = await active();
await pending(held);
await paused();
await limited();
process.exit(0);
