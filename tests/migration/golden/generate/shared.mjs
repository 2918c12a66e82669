// What every generator has in common: the server's port, the payloads and the far due times.

export const port = Number(process.env.REDIS_PORT ?? 6379);
export const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };

// Due times far away, so that a dump loaded years from now still holds delayed jobs.
// Bull stores due * 4096 in a double, so the year must stay below 2039.
export const farMs = Date.UTC(2037, 0, 1);
export const untilFar = () => farMs - Date.now();

// Data that a careless migration would change: key order, big numbers, escapes, unicode.
export const payloads = {
  plain: { title: 'The Wind', page: 1 },
  order: { zebra: 1, apple: 2, mango: { y: 1, x: 2 } },
  unicode: { text: 'Straße, naïve, 日本語, العربية, 🎧', lone: '\ud83d' },
  numbers: { big: 9007199254740993, tiny: 1e-7, huge: 1e21, negative: -0.5 },
  empty: {},
  list: [],
  nothing: null,
  text: 'just a string with "quotes" and\nlines',
};

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Polls a real condition of the library, because the old majors offer no signal to wait for.
export async function until(check, what) {
  for (let tries = 0; tries < 500; tries += 1) {
    if (await check()) return;
    await sleep(20);
  }
  throw new Error(`gave up waiting for ${what}`);
}
