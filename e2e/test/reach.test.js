// The network goes away while people talk: signalling alone, and all media for ten seconds.

import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { blockUDP, whyNot } from '../harness/firewall.js';
import { microphone } from '../harness/microphone.js';
import { serverPorts } from '../harness/pictures.js';
import { kennedy, onRealServers } from '../harness/places.js';
import { freePort, until } from '../harness/processes.js';
import { Figures } from '../harness/report.js';
import { Stage } from '../harness/stage.js';

const skip = onRealServers && 'nothing of it passes through Kafka or S3';
const blockedMs = 10_000;
const backWithinMs = 3_000;

test('media survives the network', { timeout: 300_000, skip }, async (t) => {
  const stage = await Stage.set('reach');
  const figures = new Figures('The network goes away while somebody speaks');
  try {
    const [first, second] = kennedy.map(([recording]) => recording);
    const voice = await microphone(stage.results, 'voice', [first, second], { leadMs: 200, gapMs: 100 });
    const link = await stage.server.room('Reach', 'captions', 'en');
    const ada = await stage.person('Ada', { microphone: voice.file, over: 'loop' });
    const grace = await stage.person('Grace');
    for (const person of [ada, grace]) await person.context.addInitScript(noteConnections);
    const step = (name, body) => stage.step(t, name, body);

    await step('two people meet, one speaks', async () => {
      await ada.joins(link);
      await grace.joins(link);
      await Promise.all([ada.sees(grace), grace.sees(ada)]);
      await grace.turns('cc', true);
      await ada.speaks();
      await until('Grace hears Ada', async () => (await heard(grace)).packets > 100, 30_000);
      await until('Grace reads Ada', async () => (await grace.log()).wire.length > 0, 60_000);
    });

    await step('signalling breaks, and media does not stop', async () => {
      const before = await Promise.all([ada, grace].map(connections));
      const lost = (await heard(grace)).lost;
      const counts = counting(grace, 6_000);
      await sleep(500);
      for (const person of [ada, grace]) await person.page.evaluate(() => globalThis.souffleurLines.at(-1).close());
      for (const [i, person] of [ada, grace].entries()) {
        await until(`${person.name} has a new line`, async () => (await connections(person)).lines > before[i].lines, 10_000);
      }
      const gap = longestGap(await counts);
      figures.add('longest pause between packets while signalling was away', gap, 'ms');
      figures.add('packets lost meanwhile', (await heard(grace)).lost - lost);
      for (const [i, person] of [ada, grace].entries()) {
        const after = await connections(person);
        assert.equal(after.peers, before[i].peers, `${person.name} has the peer connections of before`);
        assert.deepEqual(after.states, before[i].states, 'none of them was anything but connected meanwhile');
      }
      await samePeople(ada, grace);
    });

    const blocked = async () => {
      const before = await Promise.all([ada, grace].map(connections));
      const unblock = await blockUDP(await serverPorts(grace));
      try {
        await until('nothing arrives', async () => {
          const then = (await heard(grace)).packets;
          await sleep(500);
          return (await heard(grace)).packets === then;
        });
        await sleep(blockedMs);
      } finally {
        await unblock();
      }
      const open = Date.now();
      const { packets } = await heard(grace);
      await until('Grace hears Ada again', async () => (await heard(grace)).packets > packets + 10, 30_000);
      figures.add('audio back after the block', Date.now() - open, 'ms', backWithinMs);
      const caption = await until('Grace reads Ada again', async () => (await grace.log()).wire.find((c) => c.at > open)?.at, 30_000);
      figures.add('captions back after the block', caption - open, 'ms', backWithinMs);
      for (const [i, person] of [ada, grace].entries()) {
        assert.equal((await connections(person)).peers, before[i].peers, `${person.name} has the peer connections of before`);
      }
      await samePeople(ada, grace);
      assert.deepEqual((await grace.log()).shownTwice(), [], 'no final came on screen twice');
    };
    await step('all media is blocked for ten seconds', blocked, await whyNot());
    assert.deepEqual([...ada.complaints, ...grace.complaints], []);
  } finally {
    await stage.clear();
    figures.publish(stage.results);
  }
});

test('who gets nothing through comes by the relay', { timeout: 120_000, skip }, async (t) => {
  const stage = await Stage.set('relay', { SOUFFLEUR_TURN_PORT: String(await freePort()) });
  const figures = new Figures('A browser that may use relays only');
  try {
    const [recordings] = kennedy;
    const voice = await microphone(stage.results, 'voice', recordings, { leadMs: 200, gapMs: 100 });
    const link = await stage.server.room('Relay', 'off', 'en');
    const ada = await stage.person('Ada', { microphone: voice.file, over: 'loop' });
    const grace = await stage.person('Grace', { microphone: voice.file, over: 'loop' });
    await grace.context.addInitScript(relaysOnly);
    for (const person of [ada, grace]) await person.context.addInitScript(noteConnections);
    await stage.step(t, 'two people hear each other', async () => {
      await ada.joins(link);
      await grace.joins(link);
      const joined = Date.now();
      await ada.speaks();
      await until('Grace hears Ada', async () => (await heard(grace)).packets > 50, 30_000);
      figures.add('heard through the relay after joining', Date.now() - joined, 'ms', 10_000);
      await grace.speaks();
      const { packets } = await heard(ada);
      await until('Ada hears Grace', async () => (await heard(ada)).packets > packets + 50, 30_000);
      assert.deepEqual(await candidateTypes(grace), ['relay'], 'all that Grace sends goes to the relay');
      assert.ok(!(await candidateTypes(ada)).includes('relay'), 'Ada asked for none');
    });
    assert.deepEqual([...ada.complaints, ...grace.complaints], []);
  } finally {
    await stage.clear();
    figures.publish(stage.results);
  }
});

/** Runs in the page before its scripts: no connection reaches anything but a relay, as behind a strict firewall. */
function relaysOnly() {
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration) {
      super({ ...configuration, iceTransportPolicy: 'relay' });
    }
  };
}

/** The kinds of local candidates that a page's connections use. */
function candidateTypes(person) {
  return person.page.evaluate(async () => {
    const types = new Set();
    for (const pc of globalThis.souffleurPeers) {
      const stats = await pc.getStats();
      stats.forEach((s) => {
        if (s.type === 'candidate-pair' && s.nominated && s.bytesSent > 0) types.add(stats.get(s.localCandidateId)?.candidateType);
      });
    }
    return [...types];
  });
}

/** Runs in the page before its scripts: keeps its peer connections, with the states they went through, and sockets. */
function noteConnections() {
  globalThis.souffleurPeers = [];
  globalThis.souffleurStates = [];
  globalThis.souffleurLines = [];
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...args) {
      super(...args);
      globalThis.souffleurPeers.push(this);
      this.addEventListener('connectionstatechange', () => globalThis.souffleurStates.push(this.connectionState));
    }
  };
  globalThis.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      globalThis.souffleurLines.push(this);
    }
  };
}

function connections(person) {
  return person.page.evaluate(() => ({
    peers: globalThis.souffleurPeers.length,
    states: globalThis.souffleurStates,
    lines: globalThis.souffleurLines.length,
  }));
}

/** Audio packets that a page received so far, and those it misses. */
function heard(person) {
  return person.page.evaluate(async () => {
    const sum = { packets: 0, lost: 0 };
    for (const pc of globalThis.souffleurPeers) {
      (await pc.getStats()).forEach((s) => {
        if (s.type !== 'inbound-rtp' || s.kind !== 'audio') return;
        sum.packets += s.packetsReceived;
        sum.lost += s.packetsLost;
      });
    }
    return sum;
  });
}

/** Looks at the packets in the page itself, so that only its own clock counts. */
function counting(person, ms) {
  return person.page.evaluate(async (ms) => {
    const seen = [];
    const end = performance.now() + ms;
    while (performance.now() < end) {
      let packets = 0;
      for (const pc of globalThis.souffleurPeers) {
        (await pc.getStats()).forEach((s) => {
          if (s.type === 'inbound-rtp' && s.kind === 'audio') packets += s.packetsReceived;
        });
      }
      seen.push({ at: performance.now(), packets });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return seen;
  }, ms);
}

function longestGap(seen) {
  let since = seen[0].at;
  let gap = 0;
  for (const [i, now] of seen.entries()) {
    if (i === 0 || now.packets > seen[i - 1].packets) since = now.at;
    gap = Math.max(gap, now.at - since);
  }
  return gap;
}

async function samePeople(...people) {
  for (const person of people) {
    assert.equal(await person.page.getByTestId('tile').count(), people.length, `${person.name} sees each person once`);
    for (const other of people) assert.equal(await person.tileOf(other.name), other.participant, `${other.name} is the same participant`);
  }
}
