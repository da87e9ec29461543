// A transcript that people correct: by keyboard, two at once, back again; and its downloads, as Chromium names them.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { desktop, phone } from '../harness/browser.js';
import { onRealServers } from '../harness/places.js';
import { until } from '../harness/processes.js';
import { Stage } from '../harness/stage.js';
import { assertAccessible } from '../harness/wcag.js';

const skip = onRealServers && 'pages do not depend on Kafka and S3';

/** A transcript as another installation exported it, with a gap. */
const exported = {
  v: 1,
  meeting: '01HF7YAT00EXAMP0ETRANSCR01',
  room_name: 'Réunion « été » / 会议',
  began_unix_ms: 1_700_000_000_000,
  ended_unix_ms: 1_700_000_600_000,
  people: [
    { participant: 'p1', person: 'u1', name: 'Ada', role: 'organizer', joined_ms: 0, order: 0 },
    { participant: 'p2', person: 'u2', name: 'Grace', role: 'participant', joined_ms: 900, order: 1 },
  ],
  langs: ['en', 'fr'],
  segments: [
    said('s1', 'p1', 1_000, 4_000, 'en', 'Good mourning, everybody, and welcome.'),
    said('s2', 'p2', 5_000, 8_000, 'fr', 'Bonjou Ada, et merci.'),
    { ...said('s3', 'p2', 8_000, 20_000, '', ''), quality: 'gap' },
    said('s4', 'p2', 20_000, 23_000, 'fr', 'Commençons par le budget.'),
    said('s5', 'p1', 24_000, 27_000, 'en', 'Thank you. Thank you.'),
  ],
  rev: 1,
  edit_rev: 0,
  final: true,
};

function said(seg, spk, t0, t1, lang, text) {
  return { v: 1, seg, rev: 1000, spk, t0, t1, lang, text, final: true, level: 'transcript', quality: 'full', conf: 0.8 };
}

test('people correct a transcript', { timeout: 240_000, skip }, async (t) => {
  const stage = await Stage.set('corrections');
  try {
    const story = new Story(stage);
    const step = (name, body) => stage.step(t, name, body);
    await step('a transcript comes from elsewhere', () => story.comes());
    await step('words are found, one after the other', () => story.found());
    await step('one speaker, one language', () => story.filtered());
    await step('an address names a moment', () => story.moment());
    await step('what was said is copied', () => story.copied());
    await step('a sentence is corrected by keyboard', () => story.corrected());
    await step('the correction is taken back, and made again', () => story.takenBack());
    await step('Escape leaves everything as it was', () => story.escaped());
    await step('what was recognised is shown on demand', () => story.original());
    await step('two people correct one sentence: what was typed stays', () => story.conflict());
    await step('two people correct two sentences: both count', () => story.together());
    await step('back to what was recognised', () => story.undone());
    await step('a speaker gets another name', () => story.renamed());
    await step('pages are accessible, light and dark, on a phone too', () => story.looks());
    await step('downloads have names with accents', () => story.downloads());
    await step('no page complained', () => story.noComplaints());
  } finally {
    await stage.clear();
  }
});

class Story {
  constructor(stage) {
    this.stage = stage;
  }

  async comes() {
    const { stage } = this;
    this.ada = await stage.person('Ada');
    this.grace = await stage.person('Grace', { locale: 'fr-FR' });
    await this.ada.createsRoom(stage.server.url, 'Archive');
    const file = join(stage.results, 'transcript.json');
    writeFileSync(file, JSON.stringify(exported));
    const { page } = this.ada;
    await page.goto(`${stage.server.url}/meetings`);
    await page.getByTestId('import').click();
    await page.getByTestId('import-file').setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from('{"text":1}') });
    await page.getByTestId('import-send').click();
    await page.getByRole('alert').filter({ hasText: 'no transcript' }).waitFor();
    await this.look(this.ada, 'importing');
    await page.getByTestId('import-file').setInputFiles(file);
    await page.getByTestId('import-send').click();
    await page.waitForURL(`**/m/${exported.meeting}`);
    assert.equal(exported.meeting, (await stage.server.meetings())[0].id);
    await this.grace.page.context().addCookies(await this.ada.page.context().cookies()); // the same organizer elsewhere
    for (const { page } of [this.ada, this.grace]) {
      await page.goto(`${stage.server.url}/m/${exported.meeting}`);
      await page.getByTestId('transcript-row').first().waitFor();
    }
    assert.match(await this.ada.page.getByTestId('transcript-gap').innerText(), /12 s of sound were lost/);
    assert.match(await this.grace.page.getByTestId('transcript-gap').innerText(), /12 s de son perdues/);
  }

  row(person, seg) {
    return person.page.locator(`[data-testid="transcript-row"][data-seg="${seg}"]`);
  }

  async segs(person) {
    const rows = await person.page.getByTestId('transcript-row').all();
    return Promise.all(rows.map((r) => r.getAttribute('data-seg')));
  }

  async found() {
    const { page } = this.ada;
    const matches = page.getByTestId('matches');
    const now = () => page.evaluate(() => document.querySelector('mark.now')?.closest('[data-seg]')?.dataset.seg);
    await page.getByTestId('transcript-search').fill('THANK');
    assert.equal(await matches.innerText(), '2 matches');
    await page.keyboard.press('Enter');
    assert.equal(await matches.innerText(), '1 of 2');
    assert.equal(await now(), 's5');
    await page.getByTestId('match-next').click();
    assert.equal(await matches.innerText(), '2 of 2');
    await page.getByTestId('match-next').click();
    assert.equal(await matches.innerText(), '1 of 2', 'it goes around');
    await page.getByTestId('transcript-search').press('Shift+Enter');
    assert.equal(await matches.innerText(), '2 of 2');
    await this.look(this.ada, 'found');
    await page.getByTestId('transcript-search').fill('');
  }

  async filtered() {
    const { page } = this.grace;
    await page.getByTestId('filter-speaker').selectOption('p2');
    assert.deepEqual(await this.segs(this.grace), ['s2', 's4']);
    await page.getByTestId('filter-language').selectOption({ label: 'anglais' });
    assert.deepEqual(await this.segs(this.grace), []);
    await page.getByTestId('filter-speaker').selectOption('');
    assert.deepEqual(await this.segs(this.grace), ['s1', 's5']);
    await page.getByTestId('filter-language').selectOption('');
    assert.equal(await page.getByTestId('transcript-gap').count(), 1);
  }

  async moment() {
    const { page } = this.grace;
    const address = `${this.stage.server.url}/m/${exported.meeting}#t=20.5`;
    await page.goto(`${this.stage.server.url}/meetings`);
    await page.goto(address);
    await until('the sentence has the focus', () => page.evaluate(() => document.activeElement?.dataset.seg === 's4'));
    await page.getByTestId('moment').first().click();
    await until('the address names the moment', () => page.evaluate(() => location.hash === '#t=1'));
    await until('its sentence has the focus', () => page.evaluate(() => document.activeElement?.dataset.seg === 's1'));
  }

  async copied() {
    const { page } = this.ada;
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
    await page.getByTestId('copy-turn').first().click();
    await until('one turn is copied', async () => (await clipboard()) === '[0:01] Ada: Good mourning, everybody, and welcome.');
    await page.getByTestId('copy-all').click();
    await until('everything is copied', async () => (await clipboard()).split('\n').length === 4);
    assert.match(await clipboard(), /^\[0:20\] Grace: Commençons par le budget\.$/m);
  }

  async takenBack() {
    const { page } = this.ada;
    await page.getByTestId('undo').click();
    await this.row(this.ada, 's1').filter({ hasText: 'Good mourning,' }).waitFor();
    assert.equal(await page.getByTestId('original').count(), 0, 'nothing says that it was corrected');
    assert.equal(await page.getByTestId('undo').count(), 0);
    const field = await this.opens(this.ada, 'Good mourning');
    await field.fill('Good morning, everybody, and welcome.');
    await field.press('Enter');
    await this.row(this.ada, 's1').filter({ hasText: 'Good morning,' }).waitFor();
  }

  /** Opens the form of a segment by its button and returns its field. */
  async opens(person, words) {
    const { page } = person;
    if ((await page.getByTestId('correct').getAttribute('aria-pressed')) !== 'true') await page.getByTestId('correct').click();
    await page.getByRole('button', { name: new RegExp(`^(Correct: |Corriger : )${words}`) }).click();
    return page.getByTestId('edit-text').getByRole('textbox');
  }

  async corrected() {
    const { page } = this.ada;
    await page.getByTestId('correct').focus();
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: 'Correct: Good mourning, everybody, and welcome.' }).focus();
    await page.keyboard.press('Enter');
    const field = page.getByRole('textbox', { name: 'What Ada said at 0:01' });
    assert.ok(await focused(field), 'focus goes into the form');
    await field.fill('Good morning, everybody, and welcome.');
    await page.keyboard.press('Enter');
    await this.row(this.ada, 's1').filter({ hasText: 'Good morning,' }).waitFor();
    assert.ok(await focused(page.getByRole('button', { name: /^Correct: Good morning/ })), 'focus goes back to the button');
    await until('the screen reader is told', async () => /Saved\./.test(await page.getByTestId('announcer').innerText()));
  }

  async escaped() {
    const { page } = this.ada;
    const field = await this.opens(this.ada, 'Thank you');
    await field.fill('Something else');
    await page.keyboard.press('Escape');
    assert.equal((await this.row(this.ada, 's5').innerText()).trim(), 'Thank you. Thank you.');
    assert.ok(await focused(page.getByRole('button', { name: /^Correct: Thank you/ })), 'focus goes back to the button');
  }

  async original() {
    const { page } = this.ada;
    const original = page.getByTestId('original').first();
    assert.ok(!(await original.getByText('Good mourning').isVisible()));
    await original.locator('summary').press('Enter');
    await original.getByText('Good mourning, everybody, and welcome.').waitFor();
  }

  async conflict() {
    const { page } = this.grace;
    const field = await this.opens(this.grace, 'Bonjou');
    await field.fill('Bonjour Ada, et merci beaucoup.');
    const other = await this.opens(this.ada, 'Bonjou');
    await other.fill('Bonjour, Ada. Merci.');
    await other.press('Enter');
    await this.row(this.ada, 's2').filter({ hasText: 'Bonjour, Ada. Merci.' }).waitFor();

    await field.press('Enter');
    const conflict = page.getByTestId('edit-conflict');
    await conflict.waitFor();
    assert.match(await conflict.innerText(), /Bonjour, Ada\. Merci\./);
    assert.equal(await field.inputValue(), 'Bonjour Ada, et merci beaucoup.', 'what was typed stays');
    assert.ok(await focused(field), 'focus stays in the field');
    await this.look(this.grace, 'conflict');
    await field.press('Enter');
    await this.row(this.grace, 's2').filter({ hasText: 'merci beaucoup' }).waitFor();
  }

  async together() {
    const mine = await this.opens(this.ada, 'Thank you'); // Ada has not seen the last change
    await mine.fill('Thank you.');
    await mine.press('Enter');
    await this.row(this.ada, 's5').filter({ hasText: /^\s*Thank you\.\s*$/ }).waitFor();
    await this.row(this.ada, 's2').filter({ hasText: 'merci beaucoup' }).waitFor();
  }

  async undone() {
    const { page } = this.ada;
    await this.opens(this.ada, 'Thank you');
    await page.getByTestId('edit-undo').click();
    await this.row(this.ada, 's5').filter({ hasText: 'Thank you. Thank you.' }).waitFor();
  }

  async renamed() {
    const { page } = this.ada;
    await page.getByRole('button', { name: 'Rename Grace' }).click();
    const field = page.getByTestId('edit-name').getByRole('textbox');
    await field.fill('Grace Hopper');
    await field.press('Enter');
    await page.getByRole('heading', { name: 'Grace Hopper' }).first().waitFor();
    assert.ok(await focused(page.getByRole('button', { name: 'Rename Grace Hopper' })), 'focus goes back to the button');
    const kept = await this.stage.server.transcript(exported.meeting);
    assert.deepEqual(kept.names.map((n) => n.name), ['Grace Hopper']);
    assert.equal(kept.people[1].name, 'Grace');
    assert.equal(kept.segments[1].original.text, 'Bonjou Ada, et merci.');
  }

  async looks() {
    for (const person of [this.ada, this.grace]) {
      await person.page.reload();
      await person.page.getByTestId('transcript-row').first().waitFor();
      await this.look(person, `reading-${person.name.toLowerCase()}`);
      await this.opens(person, person === this.ada ? 'Good morning' : 'Commençons');
      await person.page.getByRole('button', { name: /^(Rename|Renommer) Ada/ }).click();
      await this.look(person, `correcting-${person.name.toLowerCase()}`);
    }
  }

  /** Takes pictures and checks them against WCAG: both themes, desktop and phone. */
  async look({ page }, name) {
    for (const theme of ['light', 'dark']) {
      await page.evaluate((t) => (document.documentElement.dataset.theme = t), theme);
      for (const [size, viewport] of Object.entries({ desktop, phone })) {
        await page.setViewportSize(viewport);
        await page.waitForTimeout(200); // the layout follows the size after a moment
        await page.screenshot({ path: join(this.stage.results, `${name}-${theme}-${size}.png`), fullPage: true });
        await assertAccessible(page, `${name} ${theme} ${size}`);
      }
    }
    await page.evaluate(() => delete document.documentElement.dataset.theme);
    await page.setViewportSize(desktop);
  }

  async downloads() {
    const { page } = this.grace;
    for (const format of ['docx', 'txt', 'md', 'vtt', 'srt', 'json']) {
      if (!(await page.getByTestId(`download-${format}`).isVisible())) await page.getByTestId('download').click();
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId(`download-${format}`).click()]);
      assert.equal(download.suggestedFilename(), `2023-11-14 Réunion « été » - 会议.${format}`);
      const bytes = readFileSync(await download.path());
      const found = format === 'docx' ? bytes.subarray(0, 4).toString('latin1') === 'PK\u0003\u0004' : bytes.includes('beaucoup');
      assert.ok(found, `${format} has the correction`);
      if (format === 'txt') assert.ok(bytes.includes('[12\u00a0s de son perdues]'), 'the gap is told in French');
    }
  }

  async noComplaints() {
    for (const person of [this.ada, this.grace]) assert.deepEqual(person.complaints, [], `${person.name}'s page`);
  }
}

function focused(locator) {
  return locator.evaluate((e) => e === document.activeElement);
}
