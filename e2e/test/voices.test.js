// Two people at one microphone: both pages tell their voices apart, the organizer says who one of them is, and that is what
// the transcript and its downloads say.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Gallery } from '../harness/gallery.js';
import { microphone } from '../harness/microphone.js';
import { twoVoices } from '../harness/places.js';
import { until } from '../harness/processes.js';
import { Figures, percentile } from '../harness/report.js';
import { Stage } from '../harness/stage.js';

test('voices at a shared microphone', { timeout: 300_000 }, async (t) => {
  const stage = await Stage.set('voices');
  const figures = new Figures('Two voices at one microphone');
  try {
    const meeting = new Meeting(stage, figures);
    const step = (name, body) => stage.step(t, name, body);
    await step('two people join with one microphone', () => meeting.joins());
    await step('both pages show two voices', () => meeting.isToldApart());
    await step('every line has its voice soon after it is final', () => meeting.isLabelled());
    await step('captions do not flicker because of that', () => meeting.isCalm());
    await step('the organizer says who one of them is, and both pages know', () => meeting.isNamed());
    await step('who comes late knows it, too', () => meeting.isKnownLater());
    await step('the stored page shows them while the meeting goes on', () => meeting.isStoredLive());
    await step('the transcript and its downloads have the names', () => meeting.isKept());
    await step('a line is given to another voice, and back', () => meeting.isMended());
    await step('no page complained', () => meeting.noComplaints());
  } finally {
    figures.publish(stage.results);
    await stage.clear();
  }
});

const id = (name) => `[data-testid="${name}"]`;

class Meeting extends Gallery {
  constructor(stage, figures) {
    super(stage);
    this.figures = figures;
  }

  async joins() {
    const { stage } = this;
    const voices = await microphone(stage.results, 'room', twoVoices, { leadMs: 500, gapMs: 1_200 });
    this.ada = await stage.person('Ada');
    this.room = await stage.person('Room 4', { microphone: voices.file });
    this.link = await this.ada.createsRoom(stage.server.url, 'Board');
    await this.ada.joins();
    await this.ada.setsLevel('transcript');
    const { page } = this.room;
    await page.goto(this.link);
    await page.check(id('several'));
    await page.fill(id('headcount'), '2');
    await this.room.joins();
  }

  /** Voices under which a page has finals now, by their numbers. */
  async voices(person) {
    const spoken = (await person.log()).finals().map((c) => c.spk.split('/voice-')[1]);
    return [...new Set(spoken.filter((n) => n !== undefined))].sort();
  }

  async isToldApart() {
    await this.room.speaks();
    for (const p of [this.ada, this.room]) {
      await until(`two voices on the page of ${p.name}`, async () => (await this.voices(p)).length === 2, 90_000);
    }
    await this.ada.captionsRest();
    await this.room.mutes();
    for (const p of [this.ada, this.room]) {
      assert.deepEqual(await this.voices(p), ['1', '2']);
      const log = await p.log();
      for (const n of [1, 2]) assert.notEqual(log.textUnder(`Room 4 · Voice ${n}`), '', `captions of voice ${n} at ${p.name}`);
      const said = log.finals().map((c) => `${c.spk.split('/')[1]}: ${c.text}`);
      const first = said.findIndex((s) => /nation|ask/i.test(s));
      assert.ok(first >= 0, said.join(' | '));
    }
    const [a, b] = await Promise.all([this.ada, this.room].map(async (p) => (await p.log()).finals()));
    const spoken = (all) => all.map((c) => `${c.seg} ${c.spk} ${c.text}`);
    assert.deepEqual(spoken(a), spoken(b), 'both pages say the same');
  }

  async isLabelled() {
    const log = await this.ada.log();
    const delays = log.labelDelays();
    const add = (name, times, limit) => {
      this.figures.add(`${name}, median`, percentile(times, 50), 'ms');
      this.figures.add(`${name}, longest`, Math.max(...times), 'ms', limit);
    };
    add('a line has a voice after its final', delays.map((d) => d.first), 1_000);
    add('and keeps it from', delays.map((d) => d.last), 5_000);
    const unlabelled = log.finals().filter((c) => !c.spk.includes('/voice-'));
    assert.deepEqual(unlabelled, []);
  }

  async isCalm() {
    const log = await this.ada.log();
    assert.deepEqual(log.setbacks(), []);
    for (const [seg, states] of log.bySegment()) {
      const names = states.map((s) => s.speakerName).filter((n, i, all) => n !== all[i - 1]);
      assert.ok(names.length <= 3, `${seg} stood under ${names.join(', ')}`);
    }
  }

  async isNamed() {
    const { page } = this.ada;
    await page.click(id('people'));
    const voice = page.locator(`${id('voice')}[data-voice="2"]`);
    await voice.waitFor();
    assert.equal(await page.locator(id('voice')).count(), 2);
    await this.show(this.ada, 'people-voices');
    await voice.locator(id('name-voice')).click();
    await page.locator(`${id('voice-name')} input`).fill('Grace');
    await page.keyboard.press('Enter');
    for (const p of [this.ada, this.room]) {
      await p.page.click(id('transcript-panel'));
      await p.page.locator(`${id('transcript-row')}[data-speaker-name="Grace"]`).first().waitFor();
      await p.page.locator(`${id('transcript-row')}[data-speaker-name="Room 4 · Voice 1"]`).first().waitFor();
    }
    const colour = (name) =>
      page.locator(`${id('transcript-row')}[data-speaker-name="${name}"] [data-colour]`).first().getAttribute('data-colour');
    assert.notEqual(await colour('Grace'), await colour('Room 4 · Voice 1'));
    await this.room.page.click(id('people'));
    assert.equal(await this.room.page.locator(id('name-voice')).count(), 0, 'only organizers name voices');
  }

  async isKnownLater() {
    this.linus = await this.stage.person('Linus');
    await this.linus.joins(this.link);
    await this.linus.page.click(id('transcript-panel'));
    await this.linus.page.locator(`${id('transcript-row')}[data-speaker-name="Grace"]`).first().waitFor();
  }

  async isStoredLive() {
    [this.meeting] = await this.stage.server.meetings();
    const reader = await this.ada.page.context().newPage();
    await until('the stored transcript shows both voices', async () => {
      await reader.goto(`${this.stage.server.url}/m/${this.meeting.id}`);
      await reader.locator(id('transcript')).waitFor();
      const names = await reader
        .locator(id('transcript-row'))
        .evaluateAll((rows) => rows.map((r) => r.getAttribute('data-speaker-name')));
      return ['Grace', 'Room 4 · Voice 1'].every((name) => names.includes(name));
    }, 60_000);
    assert.equal(await reader.locator(id('correct')).count(), 0, 'it is not complete yet');
    await reader.close();
  }

  async isKept() {
    const { page } = this.ada;
    assert.equal((await this.ada.asks('POST', `/rooms/${this.link.split('/').at(-1)}/end`)).status, 204);
    await until('the transcript is complete', async () => {
      this.transcript = await page.evaluate((m) => fetch(`/api/v1/meetings/${m}/transcript`).then((r) => r.json()), this.meeting.id);
      return this.transcript.final;
    }, 60_000);
    const voices = new Set(this.transcript.segments.map((s) => s.spk.split('/')[1]));
    assert.deepEqual([...voices].sort(), ['voice-1', 'voice-2']);
    assert.deepEqual(this.transcript.names.map((n) => [n.spk.split('/')[1], n.name]), [['voice-2', 'Grace']]);
    const text = await this.download('txt');
    assert.match(text, /\] Grace: /);
    assert.match(text, /\] Room 4 · Voice 1: /);
    assert.match(await this.download('vtt'), /<v Grace>/);
    assert.match(await this.download('srt'), /^Grace: /m);
    assert.match(await this.download('rttm'), /^SPEAKER \S+ 1 [\d.]+ [\d.]+ <NA> <NA> Grace <NA> <NA>$/m);
    assert.match(await this.download('txt', 'fr'), /\] Room 4 · Voix 1: /);
  }

  download(format, lang = 'en') {
    return this.ada.page.evaluate(
      ({ m, format, lang }) => fetch(`/api/v1/meetings/${m}/export?format=${format}&lang=${lang}`).then((r) => r.text()),
      { m: this.meeting.id, format, lang },
    );
  }

  async isMended() {
    const { page } = this.ada;
    await page.goto(`${this.stage.server.url}/m/${this.meeting.id}`);
    const rows = page.locator(id('transcript-row'));
    await rows.first().waitFor();
    const seg = this.transcript.segments.find((s) => s.spk.endsWith('/voice-1')).seg;
    const speaker = () => page.locator(`[data-seg="${seg}"]`).getAttribute('data-speaker-name');
    assert.equal(await speaker(), 'Room 4 · Voice 1');
    await page.click(id('correct'));
    await this.show(this.ada, 'transcript-voices');
    const choice = () => page.locator(`article:has([data-seg="${seg}"]) div:has(> [data-seg="${seg}"]) ${id('line-voice')}`);
    await choice().selectOption({ label: 'Grace' });
    await until('the line is of Grace', async () => (await speaker()) === 'Grace');
    assert.equal(await page.locator(id('assigned')).count(), 1);
    const given = (await this.download('json')).match(/"assigned"/g);
    assert.equal(given?.length, 1);
    await page.click(id('undo'));
    await until('the line is as it was heard', async () => (await speaker()) === 'Room 4 · Voice 1');
  }

  noComplaints() {
    for (const p of [this.ada, this.room, this.linus]) assert.deepEqual(p.complaints, []);
  }
}
