// BullMQ for Node on Redis, speaking the same lines of JSON as bench/child.py.
import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';

const require = createRequire(path.join(process.env.BENCH_NODE_MODULES, 'x.js'));
const { Queue, Worker } = require('bullmq');
const config = JSON.parse(process.argv[2]);
const at = new URL(config.url);
const connection = { host: at.hostname, port: Number(at.port), maxRetriesPerRequest: null };
const padding = 'x'.repeat(config.pad ?? 100);
const now = () => Number(process.hrtime.bigint()) / 1e9;
const cpu = () => { const u = process.cpuUsage(); return (u.user + u.system) / 1e6; };
const say = (answer) => process.stdout.write(JSON.stringify(answer) + '\n');
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function produce() {
  const queue = new Queue('bench', { connection });
  await queue.waitUntilReady();
  const { levels, ...opts } = config.options ?? {};
  let next = 0;
  const row = (i) => ({ name: 'job', data: { i, pad: padding },
    opts: levels ? { ...opts, priority: 1 + (i % levels) } : opts });
  const ops = {
    one: async ({ count }) => {
      for (let n = 0; n < count; n++) await queue.add('job', row(next + n).data, opts);
    },
    bulk: async ({ count }) => {
      for (let start = 0; start < count; start += 1000) {
        const size = Math.min(1000, count - start);
        await queue.addBulk(Array.from({ length: size }, (_, n) => row(next + start + n)));
      }
    },
    paced: async ({ count, gap }) => {
      for (let n = 0; n < count; n++) {
        await queue.add('job', { ...row(n).data, t: Number(process.hrtime.bigint()) }, opts);
        await sleep(gap * 1000);
      }
    },
  };
  say({ ready: true });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { op, ...order } = JSON.parse(line);
    const begun = now(), used = cpu();
    await ops[op](order);
    next += order.count;
    say({ n: order.count, begun, seconds: now() - begun, cpu: cpu() - used });
  }
  process.exit(0);
}

function work() {
  let count = 0, first = 0, used = 0;
  const late = [];
  new Worker('bench', async (job) => {
    count += 1;
    if (count === 1) { first = now(); used = cpu(); }
    if (job.data.t !== undefined) late.push(now() * 1e3 - job.data.t / 1e6);
    if (count === config.goal) {
      late.sort((a, b) => a - b);
      say({ n: count, seconds: now() - first, ended: now(), cpu: cpu() - used,
        rss: process.memoryUsage().rss,
        p50: late[late.length >> 1] ?? null,
        p99: late[Math.floor(late.length * 0.99)] ?? null });
    }
  }, { connection, concurrency: config.concurrency });
}

if (config.role === 'producer') await produce(); else work();
