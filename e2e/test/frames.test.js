// What the page costs the browser: how soon the first page works, and how long the main thread is held in a meeting of 150 people
// with ten caption updates a second. The signalling is scripted; pages, joining and roster are the real ones. Figures are printed;
// only gross excess fails, because the machine may be busy with something else.

import assert from 'node:assert/strict';
import test from 'node:test';
import { onRealServers } from '../harness/places.js';
import { until } from '../harness/processes.js';
import { Stage } from '../harness/stage.js';

const skip = onRealServers && 'frames do not depend on Kafka and S3';
const people = 150;
const seconds = 15;
/** Goals are 1 s to the first page and 50 ms for a frame (issue 7); beyond these something is wrong on any machine. */
const gross = { firstPageMs: 10_000, taskMs: 500 };

test('the cost of pages', { timeout: 120_000, skip }, async (t) => {
  const stage = await Stage.set('frames');
  try {
    await stage.step(t, 'the first page works soon', () => firstPage(stage));
    await stage.step(t, `${people} people, 10 captions a second`, () => crowd(stage));
  } finally {
    await stage.clear();
  }
});

async function firstPage(stage) {
  const { page } = await stage.person('Ada'); // a new browser: its cache is empty
  await page.addInitScript(() => {
    const there = () => document.querySelector('[data-testid="create-room"]');
    new MutationObserver((_, o) => {
      if (!there()) return;
      o.disconnect();
      globalThis.firstPageMs = performance.now();
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto(stage.server.url);
  const ms = await until('the first page works', () => page.evaluate(() => globalThis.firstPageMs));
  console.log(`first page works after ${Math.round(ms)} ms with a cold cache (goal 1000)`);
  assert.ok(ms < gross.firstPageMs);
}

async function crowd(stage) {
  const grace = await stage.person('Grace');
  const { page } = grace;
  const link = await stage.server.room('Assembly', 'captions', 'en');
  const meeting = new Scripted();
  await page.routeWebSocket(/\/api\/v1\/signal$/, (socket) => meeting.serve(socket));
  await grace.joins(link);
  await page.keyboard.press('p');
  await until('everybody is listed', async () => (await page.getByTestId('person').count()) === people);
  await page.waitForTimeout(1_000); // joining itself is no part of it
  await page.evaluate(watch);
  const cost = await busy(grace);
  await meeting.play(seconds);
  const busyMs = await cost();
  const { tasks, frames, captions } = await page.evaluate(() => globalThis.souffleurFrames());
  const slow = frames.filter((ms) => ms > 50);
  const longest = Math.max(0, ...tasks);
  console.log(`scripts, styles and layout take ${(busyMs / seconds / 10).toFixed(1)} % of the main thread`);
  console.log(`longest task ${Math.round(longest)} ms; ${tasks.length} of 50 ms and more in ${seconds} s`);
  console.log(`${slow.length} of ${frames.length} frames over 50 ms, the longest ${Math.round(Math.max(...frames))} ms`);
  assert.ok(captions > 5 * seconds, `only ${captions} changes of captions were shown`);
  assert.ok(longest < gross.taskMs, `a task of ${longest} ms`);
  assert.deepEqual(grace.complaints, []);
}

/** Begins to count what the main thread does for us, in processor milliseconds; returns the question how many it were. */
async function busy({ context, page }) {
  const session = await context.newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const now = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    const ours = ['ScriptDuration', 'LayoutDuration', 'RecalcStyleDuration'];
    return 1000 * metrics.filter((m) => ours.includes(m.name)).reduce((sum, m) => sum + m.value, 0);
  };
  const before = await now();
  return async () => (await now()) - before;
}

/** In the page: notes tasks of 50 ms and more, the time between frames, and changes of the captions. */
function watch() {
  const tasks = [];
  const frames = [];
  let captions = 0;
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map((e) => e.duration))).observe({ entryTypes: ['longtask'] });
  new MutationObserver(() => captions++).observe(document.querySelector('[data-testid="captions"]'), {
    childList: true,
    subtree: true,
    characterData: true,
  });
  let last = performance.now();
  const frame = (now) => {
    frames.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  globalThis.souffleurFrames = () => ({ tasks, frames, captions });
}

/** A server's side of the signalling: a meeting of many, without media. */
class Scripted {
  #socket;
  #peers = Array.from({ length: people }, (_, n) => ({
    participant: `p${n}`,
    name: n === 0 ? 'Grace' : `Guest number ${n}`,
    role: n === 0 ? 'organizer' : 'participant',
    order: n,
    sources: n % 3 === 0 ? ['mic'] : [],
    opt_out: false,
    present: true,
  }));

  serve(socket) {
    this.#socket = socket;
    socket.onMessage((text) => {
      const { type } = JSON.parse(text);
      if (type === 'hello') this.#welcome();
      if (type === 'ping') this.#send({ type: 'pong' });
    });
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #welcome() {
    const policy = { level: 'captions', ceiling: 'minutes', by_name: '', at_ms: 0, keep_audio: false, langs: [] };
    this.#send({
      type: 'welcome',
      welcome: {
        participant: 'p0',
        meeting: 'm1',
        room: 'r1',
        room_name: 'Assembly',
        role: 'organizer',
        began_unix_ms: Date.now(),
        token: 'none',
        peers: this.#peers,
        ai: { policy, status: { state: 'live', reason: '', lag_ms: 0, engine: '' } },
        room_state: { locked: false, lobby: false, share: 'everybody', share_replaces: false, max_people: 0, hands: [] },
      },
    });
  }

  /** Ten times a second a caption grows; beside that microphones, hands, reactions, coming and going. */
  play(seconds) {
    return new Promise((done) => {
      let n = 0;
      const timer = setInterval(() => {
        if (n === seconds * 10) {
          clearInterval(timer);
          return done();
        }
        this.#tick(n++);
      }, 100);
    });
  }

  #tick(n) {
    const words = 'one two three four five six seven eight nine ten'.split(' ');
    const sentence = Math.floor(n / 20);
    const speaker = sentence % 3;
    const at = n % 20;
    const said = Array.from({ length: at + 1 }, (_, i) => words[i % 10]).join(' ');
    this.#send({
      type: 'caption',
      caption: {
        v: 1, seg: `s${sentence}`, rev: at + 1, spk: `p${3 * speaker}`, t0: sentence * 2000, t1: n * 100, lang: 'en',
        text: said, stable: Math.max(0, said.length - 8), final: at === 19,
      },
    });
    const peer = this.#peers[1 + ((n * 7) % (people - 1))];
    if (n % 5 === 0) {
      peer.sources = peer.sources.length > 0 ? [] : ['mic'];
      this.#send({ type: 'changed', peer });
    }
    if (n % 3 === 0) this.#send({ type: 'reaction', participant: peer.participant, emoji: '👏' });
    if (n % 10 === 4) this.#send({ type: 'left', participant: 'p149' });
    if (n % 10 === 8) this.#send({ type: 'joined', peer: this.#peers[149] });
    if (n % 10 === 6) {
      const hands = [`p${(n % 140) + 1}`, 'p5', 'p77'];
      this.#send({ type: 'room', room: { locked: false, lobby: false, share: 'everybody', share_replaces: false, max_people: 0, hands, waiting: [] } });
    }
  }
}
