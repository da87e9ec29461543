// Every page as people see it: no serious accessibility fault in any, and pictures of them (SCREENSHOTS=1: for docs/images).

import assert from 'node:assert/strict';
import test from 'node:test';
import { cameras } from '../harness/camera.js';
import { Gallery } from '../harness/gallery.js';
import { microphone } from '../harness/microphone.js';
import { kennedy, onRealServers } from '../harness/places.js';
import { until } from '../harness/processes.js';
import { Stage } from '../harness/stage.js';

const skip = onRealServers && 'pages do not depend on Kafka and S3';

const looks = [
  { wall: ['#f1e8da', '#c3b291'], skin: '#e7b99a', hair: '#5a3a2a', shirt: '#3f5b8c', long: true },
  { wall: ['#dbe4f1', '#8fa3c7'], skin: '#a9714f', hair: '#2a2326', shirt: '#7c8f5a' },
];

test('pages are accessible', { timeout: 300_000, skip }, async (t) => {
  const stage = await Stage.set('looks');
  try {
    const gallery = new Tour(stage);
    const step = (name, body) => stage.step(t, name, body);
    await step('home', () => gallery.home());
    await step('before joining', () => gallery.prejoin());
    await step('a room with captions', () => gallery.room());
    await step('a room with captions, in French', () => gallery.frenchRoom());
    await step('languages and names, which stay', () => gallery.speech());
    await step('everybody leaves', () => gallery.leave());
    await step('the transcript', () => gallery.transcript());
    await step('a search over all transcripts', () => gallery.search());
    await step('administration', () => gallery.admin());
  } finally {
    await stage.clear();
  }
});

class Tour extends Gallery {
  async home() {
    const { stage } = this;
    const [first, second] = await cameras(stage.results, looks);
    const voice = (name, recordings) => microphone(stage.results, name, recordings);
    const [ada, grace] = await Promise.all([voice('ada', kennedy[0]), voice('grace', kennedy[1])]);
    this.ada = await stage.person('Ada', { microphone: ada.file, over: 'loop', camera: first });
    this.grace = await stage.person('Grace', { microphone: grace.file, over: 'loop', camera: second, locale: 'fr-FR' });
    await this.ada.page.goto(stage.server.url);
    await this.grace.page.goto(stage.server.url);
    for (const person of [this.ada, this.grace]) await person.page.getByTestId('create-room').waitFor();
    await this.show(this.ada, 'home');
    await this.show(this.grace, 'home-fr');
  }

  async prejoin() {
    this.link = await this.ada.createsRoom(this.stage.server.url, 'Tuesday meeting');
    await this.ada.turns('camera', true);
    await this.grace.page.goto(this.link);
    await this.grace.page.fill('[data-testid="name"]', 'Grace');
    await this.grace.turns('camera', true);
    await this.ada.page.fill('[data-testid="name"]', 'Ada');
    await this.ada.page.waitForTimeout(1_000); // the camera's first pictures
    await this.show(this.ada, 'prejoin');
    await this.show(this.grace, 'prejoin-fr');
  }

  async room() {
    await this.ada.joins();
    await this.grace.joins();
    for (const person of [this.ada, this.grace]) {
      await person.turns('camera', true);
      await person.turns('cc', true);
    }
    await this.ada.setsLevel('transcript');
    await Promise.all([this.ada.speaks(), this.grace.speaks()]);
    await this.captionsOfBoth(this.ada);
    await this.show(this.ada, 'room');
  }

  /** Waits until the page shows two speakers, with a good part of a sentence each. */
  async captionsOfBoth(person) {
    await until('captions of two speakers', () =>
      person.page.evaluate(() => {
        if (document.querySelector('[data-testid="ai-state"]').dataset.state !== 'live') return false;
        const long = new Set();
        for (const c of document.querySelectorAll('[data-testid="captions"] [data-seg]')) {
          if (c.textContent.length > 25) long.add(c.dataset.speaker);
        }
        return long.size === 2;
      }), 60_000, 50);
  }

  async frenchRoom() {
    await this.captionsOfBoth(this.grace);
    await this.show(this.grace, 'room-fr');
  }

  async speech() {
    const { page } = this.ada;
    const open = async () => {
      await page.getByTestId('more').click();
      await page.getByTestId('menu-speech').click();
      await until('the dialog is filled', () => page.getByTestId('glossary').isEnabled());
    };
    await open();
    await page.getByTestId('spoken-fr').check();
    await page.getByTestId('glossary').fill('Souffleur\nJean-Luc Ferré, DINUM');
    await page.getByTestId('weak-model').waitFor();
    await this.show(this.ada, 'speech');
    await page.getByTestId('save-speech').click();
    await page.getByTestId('glossary').waitFor({ state: 'detached' });
    await open();
    assert.equal(await page.getByTestId('glossary').inputValue(), 'Souffleur\nJean-Luc Ferré\nDINUM');
    assert.ok(await page.getByTestId('spoken-fr').isChecked());
    await page.keyboard.press('Escape');
  }

  async leave() {
    for (const person of [this.ada, this.grace]) await person.mutes();
    await until('the transcript has both speakers', async () => {
      const [meeting] = await this.stage.server.meetings();
      const { segments } = await this.stage.server.transcript(meeting.id);
      return new Set(segments.map((s) => s.spk)).size === 2;
    }, 30_000);
    for (const person of [this.ada, this.grace]) await person.leaves();
  }

  async transcript() {
    await this.ada.page.goto(`${this.stage.server.url}/meetings`);
    await this.ada.page.getByTestId('meeting-entry').first().click();
    await this.ada.page.getByTestId('transcript-row').first().waitFor();
    await this.show(this.ada, 'transcript');
  }

  async search() {
    const { page } = this.ada;
    const row = page.getByTestId('transcript-row').first();
    const [seg, text] = [await row.getAttribute('data-seg'), await row.textContent()];
    const word = text.match(/\p{L}+/gu).reduce((a, b) => (b.length > a.length ? b : a));
    await page.goto(`${this.stage.server.url}/meetings`);
    await page.getByTestId('search').fill(word.toUpperCase());
    await until('the sentence is found', async () => {
      await page.keyboard.press('Enter');
      await page.waitForTimeout(500);
      return (await page.locator(`[data-testid="hit"][href$="#seg-${seg}"]`).count()) === 1;
    }, 30_000, 500);
    assert.ok(await page.locator(`[data-testid="hit"][href$="#seg-${seg}"] mark`).count() > 0, 'nothing is marked');
    await this.show(this.ada, 'search');
    await page.locator(`[data-testid="hit"][href$="#seg-${seg}"]`).focus();
    await page.keyboard.press('Enter');
    await until('the sentence has the focus', () => page.evaluate((id) => document.activeElement?.id === id, `seg-${seg}`));
    await this.show(this.ada, 'search-hit');
  }

  async admin() {
    await this.ada.page.goto(await this.stage.server.adminLink());
    await until('signed in', async () => !this.ada.page.url().includes('/link'));
    await this.ada.page.goto(`${this.stage.server.url}/admin`);
    await this.ada.page.getByTestId('admin-room').first().waitFor();
    await this.show(this.ada, 'admin');
  }
}
