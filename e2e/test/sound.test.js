// Sound that is kept: everybody in the room is told and sees it, and later it plays in step with the transcript.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { Gallery } from '../harness/gallery.js';
import { microphone } from '../harness/microphone.js';
import { kennedy, onRealServers, repository } from '../harness/places.js';
import { run, until } from '../harness/processes.js';
import { Stage } from '../harness/stage.js';

test('kept sound', { timeout: 300_000 }, async (t) => {
  const stage = await Stage.set('sound');
  try {
    const meeting = new Meeting(stage);
    const step = (name, body) => stage.step(t, name, body);
    await step('an admin has to allow it first', () => meeting.needsAnAdmin());
    await step('everybody is told who began, and sees it', () => meeting.isAnnounced());
    await step('what is said is kept until the switch is off', () => meeting.isSaid());
    await step('a click on a time plays that speaker from there, in step with the transcript', () => meeting.plays());
    await step('what is heard is what was said then, and nothing that was said when the switch was off', () => meeting.isInStep());
    await step('the keyboard moves it', () => meeting.seeks());
    if (!onRealServers) await step('a place in a long sound is asked for as a range', () => meeting.asksForRanges());
    await step('a browser that does not play it is offered the file', () => meeting.isOffered());
    await step('a guest may not hear it', () => meeting.isRefused());
  } finally {
    await stage.clear();
  }
});

const id = (name) => `[data-testid="${name}"]`;

class Meeting extends Gallery {
  async needsAnAdmin() {
    const { stage } = this;
    const voice = await microphone(stage.results, 'ada', kennedy[0], { leadMs: 500 });
    this.ada = await stage.person('Ada', { microphone: voice.file });
    this.grace = await stage.person('Grace', { locale: 'fr-FR' });
    this.link = await this.ada.createsRoom(stage.server.url, 'Board');
    await this.ada.joins();
    await this.grace.joins(this.link);
    await this.ada.setsLevel('transcript');
    await this.opens();
    assert.ok(await this.ada.page.locator(id('keep-sound')).isDisabled());
    await this.ada.page.keyboard.press('Escape');

    const token = (await readFile(join(stage.server.data, 'api-token'), 'utf8')).trim();
    const allowed = await fetch(`${stage.server.url}/api/v1/instance`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ keep_audio: true }),
    });
    assert.equal(allowed.status, 200);
  }

  async opens() {
    await this.ada.page.click(id('more'));
    await this.ada.page.click(id('menu-sound'));
    await this.ada.page.locator(id('keep-sound')).waitFor();
  }

  /** The organizer flips the switch, with the keyboard. */
  async flips(on) {
    await this.opens();
    const box = this.ada.page.locator(id('keep-sound'));
    await until('the switch can be used', () => box.isEnabled());
    await box.focus();
    await this.ada.page.keyboard.press('Space');
    await until('the switch has moved', async () => (await box.isChecked()) === on);
    if (on) await this.show(this.ada, 'sound-dialog');
    await this.ada.page.keyboard.press('Escape');
  }

  async isAnnounced() {
    for (const p of [this.ada, this.grace]) assert.equal(await p.page.locator(id('recording')).count(), 0);
    const said = this.grace.page.evaluate(
      () =>
        new Promise((resolve) => {
          const heard = [];
          new MutationObserver(() => {
            const text = document.querySelector('[aria-live="polite"]')?.textContent ?? '';
            heard.push(text);
            if (text.includes('enregistrement')) resolve(text);
          }).observe(document.body, { subtree: true, childList: true, characterData: true });
        }),
    );
    await this.flips(true);
    for (const p of [this.ada, this.grace]) await p.page.locator(id('recording')).waitFor();
    assert.equal((await this.grace.page.locator(id('recording')).innerText()).trim(), 'Enregistrement');
    assert.match(await this.grace.page.locator(id('ai-banner')).innerText(), /Ada a lancé un enregistrement/);
    assert.match(await said, /Ada a lancé un enregistrement/);
    await this.show(this.ada, 'sound-room');
    await this.show(this.grace, 'sound-room-fr');
  }

  async isSaid() {
    await this.ada.speaks();
    await until('a sentence is final', () => this.finals(1), 60_000);
    await this.ada.captionsRest();
    await this.ada.mutes();
    await this.flips(false);
    await this.grace.page.locator(id('recording')).waitFor({ state: 'detached' });
    this.kept = (await this.finals(1)).length;
    await this.ada.speaks(); // again, unkept
    await until('another sentence is final', () => this.finals(this.kept + 1), 60_000);
    await this.ada.mutes();
    [this.meeting] = await this.stage.server.meetings();
    const { policies } = await this.ada.page.evaluate(
      (m) => fetch(`/api/v1/meetings/${m}`).then((r) => r.json()), this.meeting.id);
    assert.deepEqual(policies.map((p) => p.keep_audio).filter((k, i, all) => k !== all[i - 1]), [false, true, false]);
    for (const p of [this.ada, this.grace]) await p.leaves();
  }

  async finals(least) {
    const { wire } = await this.ada.log();
    const finals = wire.filter((c) => c.final && c.text !== '');
    return finals.length >= least && finals;
  }

  /** Opens the transcript page; every audio element that it makes can be looked at, and what it asks for is noted. */
  async reads(person) {
    const { page } = person;
    this.asked = [];
    page.on('request', (r) => {
      if (/\/audio\/t/.test(r.url())) this.asked.push(r.headers()['range'] ?? '');
    });
    await page.addInitScript(() => {
      const Original = Audio;
      globalThis.sounds = [];
      globalThis.Audio = function (...args) {
        const sound = new Original(...args);
        globalThis.sounds.push(sound);
        return sound;
      };
    });
    await until('the sound is stored', async () => {
      await page.goto(`${this.stage.server.url}/m/${this.meeting.id}`);
      await page.locator(id('transcript-row')).first().waitFor();
      await page.waitForLoadState('networkidle');
      const [all, heard] = [await page.locator(id('transcript-row')).count(), await page.locator(id('play-from')).count()];
      return heard > 0 && all > this.kept;
    }, 30_000);
  }

  sound() {
    return this.ada.page.evaluate(() => {
      const s = globalThis.sounds.at(-1);
      return { at: s.currentTime, paused: s.paused, speed: s.playbackRate, length: s.duration };
    });
  }

  async plays() {
    await this.reads(this.ada);
    const { page } = this.ada;
    this.ada.complaints.length = 0;
    const row = page.locator(id('transcript-row')).filter({ has: page.locator(id('play-from')) }).first();
    this.t0 = Number(await row.getAttribute('data-t0'));
    this.t1 = Number(await row.getAttribute('data-t1'));
    assert.deepEqual(this.asked, [], 'nothing is loaded before somebody listens');
    await row.locator(id('play-from')).focus();
    await page.keyboard.press('Enter');
    await until('it plays', async () => !(await this.sound()).paused);
    await until('its time goes on', async () => (await this.sound()).at > this.t0 / 1000 + 1);
    const { at } = await this.sound();
    assert.ok(at < this.t0 / 1000 + 20, `it is at ${at} s, and began at ${this.t0} ms`);
    assert.equal(await row.getAttribute('aria-current'), 'true');
    await this.show(this.ada, 'sound-transcript');
    await page.selectOption(id('language'), 'fr');
    await this.show(this.ada, 'sound-transcript-fr');
    await page.selectOption(id('language'), 'en');
    await page.click(id('sound-toggle'));
    await until('it pauses', async () => (await this.sound()).paused);
    await page.selectOption(id('sound-speed'), '1.5');
    assert.equal((await this.sound()).speed, 1.5);
    await page.click(id('sound-toggle'));
    await until('it goes on', async () => !(await this.sound()).paused);
    assert.equal(await page.locator(id('follow')).count(), 0);
    await page.mouse.wheel(0, 50); // whoever scrolls reads elsewhere
    await page.locator(id('follow')).click();
    await page.locator(id('follow')).waitFor({ state: 'detached' });
    await page.click(id('sound-toggle'));
  }

  /** Decodes the whole stream in the browser and measures how loud it is where the transcript says that somebody spoke. */
  async isInStep() {
    const rows = await this.ada.page.locator(id('transcript-row')).evaluateAll((all) =>
      all.map((r) => ({ t0: Number(r.dataset.t0), t1: Number(r.dataset.t1), playable: r.querySelector('[data-testid="play-from"]') !== null })));
    const kept = rows.filter((r) => r.playable);
    assert.equal(kept.length, this.kept, 'sentences that can be heard');
    const loud = await this.ada.page.evaluate(async ({ meeting, spans }) => {
      const { tracks } = await (await fetch(`/api/v1/meetings/${meeting}/audio`)).json();
      const body = await (await fetch(`/api/v1/meetings/${meeting}/audio/${tracks[0].track}`)).arrayBuffer();
      const pcm = await new OfflineAudioContext(1, 1, 16_000).decodeAudioData(body);
      const samples = pcm.getChannelData(0);
      const energy = ([from, to]) => {
        let sum = 0;
        for (let i = Math.max(0, from * 16); i < to * 16; i++) sum += (samples[i] ?? 0) ** 2;
        return sum / ((to - from) * 16);
      };
      return { tracks, length: pcm.duration, energies: spans.map(energy) };
    }, { meeting: this.meeting.id, spans: [[0, kept[0].t0 - 1500], ...kept.map((r) => [r.t0, r.t1])] });
    assert.equal(loud.tracks.length, 1);
    assert.equal(loud.tracks[0].participant, this.ada.participant);
    const [before, ...spoken] = loud.energies;
    assert.ok(before < 1e-7, `before anybody spoke there is ${before}`);
    for (const e of spoken) assert.ok(e > 1e-5, `where a sentence was said there is ${e}`);
    assert.ok(Math.abs(loud.length * 1000 - loud.tracks[0].to_ms) < 100, `${loud.length} s, the list says ${loud.tracks[0].to_ms} ms`);
    const unkept = rows.filter((r) => !r.playable);
    assert.ok(unkept.length > 0 && unkept.every((r) => r.t0 >= loud.tracks[0].to_ms), 'what was said with the switch off is not there');
  }

  async seeks() {
    const { page } = this.ada;
    const slider = page.locator(id('sound-position'));
    await slider.focus();
    await page.keyboard.press('Home');
    await until('it is at the beginning', async () => (await this.sound()).at < 1);
    await page.keyboard.press('ArrowRight');
    await until('a step further', async () => Math.abs((await this.sound()).at - 1) < 0.01);
    await page.keyboard.press('End');
    const { length } = await this.sound();
    await until('it is at the end', async () => (await this.sound()).at > length - 1.5);
    assert.match(await slider.getAttribute('aria-valuetext'), /^\d+:\d\d of \d+:\d\d$/);
    assert.deepEqual(this.ada.complaints, []);
  }

  /** Browsers load short sounds as a whole, so this one is made long. */
  async asksForRanges() {
    const { stage, meeting } = this;
    const { page } = this.ada;
    const [{ track }] = await this.tracks();
    await stage.server.killed();
    const to = ['-data', stage.server.data, '-meeting', meeting.id, '-track', track];
    await run('go', ['run', './e2e/longtape', ...to], { cwd: repository, timeoutMs: 180_000 });
    await stage.server.up();
    await page.reload();
    await page.locator(id('play-from')).first().waitFor();
    this.asked.length = 0;
    await page.locator(id('play-from')).first().click();
    await until('it plays, and its length is known', async () => (await this.sound()).length > 180);
    const { at } = await this.sound();
    const before = this.asked.length;
    await page.locator(id('sound-position')).fill('150');
    await until('it plays there', async () => (await this.sound()).at > 150.5);
    const fresh = this.asked.slice(before);
    assert.ok(at < 100 && fresh.some((r) => /^bytes=[1-9]\d*-/.test(r)), `the seek asked for: ${fresh.join(', ')}`);
    assert.deepEqual(this.ada.complaints, []);
  }

  tracks() {
    return this.ada.page.evaluate(
      (m) => fetch(`/api/v1/meetings/${m}/audio`).then((r) => r.json()).then((a) => a.tracks), this.meeting.id);
  }

  async isOffered() {
    const { page } = this.ada;
    await page.addInitScript(() => {
      HTMLMediaElement.prototype.canPlayType = () => '';
    });
    await page.reload();
    const file = page.locator(id('sound-file')).first();
    await file.waitFor();
    assert.match(await page.locator(id('sound')).innerText(), /Safari does from version 18\.4/);
    assert.equal(await page.locator(id('play-from')).count(), 0);
    const download = page.waitForEvent('download');
    await file.click();
    const bytes = await readFile(await (await download).path());
    assert.equal(bytes.subarray(0, 4).toString(), 'OggS');
    await this.show(this.ada, 'sound-file');
  }

  async isRefused() {
    const path = `/meetings/${this.meeting.id}/audio`;
    for (const p of [path, `${path}/${(await this.tracks())[0].track}`]) assert.equal((await this.grace.asks('GET', p)).status, 403);
  }
}
