// kill -9 while somebody speaks: of the process that recognises speech, and of the whole server.

import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { microphone } from '../harness/microphone.js';
import { kennedy } from '../harness/places.js';
import { until } from '../harness/processes.js';
import { Figures } from '../harness/report.js';
import { Stage } from '../harness/stage.js';
import { wordErrorRate } from '../harness/words.js';

const errorLimit = 25; // percent: a missing or doubled sentence would be more

test('captions survive kill -9', { timeout: 400_000 }, async (t) => {
  const stage = await Stage.set('restart');
  const figures = new Figures('kill -9 while somebody speaks');
  try {
    const speech = new Speech(stage, figures);
    const step = (name, body) => stage.step(t, name, body);
    await step('two people meet', () => speech.begins());
    await step('the recogniser is killed, and no word is lost or said twice', () => speech.recogniserKilled());
    await step('the server is killed, and everybody is back by themselves', () => speech.serverKilled());
    await step('the transcript holds every final caption, once', () => speech.nothingLost());
  } finally {
    await stage.clear();
    figures.publish(stage.results);
  }
});

class Speech {
  constructor(stage, figures) {
    this.stage = stage;
    this.server = stage.server;
    this.figures = figures;
  }

  async begins() {
    const { stage } = this;
    const [first, second] = kennedy.map(([recording]) => recording);
    this.voice = await microphone(stage.results, 'voice', [first, second, first, second, first]);
    const link = await this.server.room('Restarts', 'transcript', 'en');
    this.ada = await stage.person('Ada', { microphone: this.voice.file });
    this.grace = await stage.person('Grace');
    await this.ada.joins(link);
    await this.grace.joins(link);
    await Promise.all([this.ada.sees(this.grace), this.grace.sees(this.ada)]);
    for (const person of [this.ada, this.grace]) await person.turns('cc', true);
    [this.meeting] = await this.server.meetings();
  }

  /** Waits for a caption that arrives at both after `moment`, and returns how long that took. */
  async captionsAfter(moment, what) {
    const times = [];
    for (const person of [this.ada, this.grace]) {
      const first = async () => (await person.log()).wire.find((c) => c.at > moment)?.at;
      times.push((await until(`${what}: ${person.name} gets captions again`, first, 40_000)) - moment);
    }
    return Math.max(...times);
  }

  /** Waits until everything that Ada says in the file has been captioned. */
  async saidAll(began) {
    await sleep(Math.max(0, began + this.voice.clips.at(-1).endMs + 1_500 - Date.now()));
    await this.ada.mutes();
    await this.grace.captionsRest();
  }

  async recogniserKilled() {
    const began = await this.ada.speaks();
    await sleep(this.voice.clips[1].startMs + 1_000 - (Date.now() - began));
    const pid = await this.server.recogniser();
    const killed = Date.now();
    process.kill(pid, 'SIGKILL');
    const recovery = await this.captionsAfter(killed + 200, 'recogniser killed');
    this.figures.add('captions back after kill -9 of the recogniser', recovery + 200, 'ms', 7_000);
    assert.notEqual(await this.server.recogniser(), pid);
    await this.saidAll(began);
    const log = await this.grace.log();
    const wrong = 100 * wordErrorRate(this.voice.text, log.saidBy(this.ada.participant));
    this.figures.add('word error rate over the kill of the recogniser', wrong, '%', errorLimit);
    assert.ok(wrong <= errorLimit, `${wrong.toFixed(1)} % of words are wrong: ${log.saidBy(this.ada.participant)}`);
    assert.deepEqual(overlaps(log.finals()), [], 'no moment has two captions of one speaker');
  }

  async serverKilled() {
    const began = await this.ada.speaks();
    await sleep(this.voice.clips[1].endMs + 500 - (Date.now() - began));
    this.before = (await this.grace.log()).finals();
    await this.server.killed();
    await sleep(1_000);
    await this.server.up();
    const up = Date.now();
    const recovery = await this.captionsAfter(up, 'server killed');
    this.figures.add('captions back after the server answers again', recovery, 'ms');
    for (const person of [this.ada, this.grace]) {
      await until(`${person.name} sees two people`, async () => (await person.page.getByTestId('tile').count()) === 2);
    }
    await this.saidAll(began);
  }

  async nothingLost() {
    const finals = (await this.grace.log()).finals();
    let stored = [];
    await until('the transcript holds all finals', async () => {
      stored = (await this.server.transcript(this.meeting.id)).segments;
      const have = new Set(stored.map((s) => s.seg));
      return finals.every((c) => have.has(c.seg));
    }, 40_000);
    const text = new Map(stored.map((s) => [s.seg, s.text.trim()]));
    for (const c of [...this.before, ...finals]) assert.equal(text.get(c.seg), finals.find((f) => f.seg === c.seg).text.trim());
    assert.equal(text.size, stored.length, 'no segment is stored twice');
    assert.deepEqual(overlaps(stored), [], 'no moment has two segments of one speaker');
    const meetings = await this.server.meetings();
    assert.equal(meetings.length, 1, 'it is still the same meeting');
  }
}

/** Pairs of segments of one speaker that cover the same time: a sign of something recognised twice. */
function overlaps(segments) {
  const inTime = [...segments].sort((a, b) => a.t0 - b.t0);
  return inTime.slice(1).flatMap((s, i) => {
    const before = inTime[i];
    return s.spk === before.spk && s.t0 < before.t1 - 300 ? [[before, s]] : [];
  });
}
