// Captions as a reader makes them: consent before joining, a human captioner, every look, the transcript so far. What is read
// here is typed, not recognised, so that it is known to the letter.

import assert from 'node:assert/strict';
import test from 'node:test';
import { desktop, phone } from '../harness/browser.js';
import { Gallery } from '../harness/gallery.js';
import { onRealServers } from '../harness/places.js';
import { until } from '../harness/processes.js';
import { Figures, percentile } from '../harness/report.js';
import { Stage } from '../harness/stage.js';
import { assertAccessible } from '../harness/wcag.js';

const skip = onRealServers && 'the looks of captions do not depend on Kafka and S3';
const id = (name) => `[data-testid="${name}"]`;
const paintLimitMs = 100; // EN 301 549 7.1.2

test('captions as readers like them', { timeout: 400_000, skip }, async (t) => {
  const stage = await Stage.set('captions');
  const figures = new Figures('Typed captions');
  try {
    await new Reading(stage, figures).held(t);
  } finally {
    await stage.clear();
    figures.publish(stage.results);
  }
});

class Reading extends Gallery {
  constructor(stage, figures) {
    super(stage);
    this.figures = figures;
  }

  async held(t) {
    const step = (name, body) => this.stage.step(t, name, body);
    await step('a level that rises before joining is shown first, and the opt-out is seen by all', () => this.consents());
    await step('an organizer lets somebody type, and everybody reads along', () => this.captioner());
    await step('captions appear as soon as they arrive', () => this.paintedAtOnce());
    await step('every pair of colours, and the font that is fetched only then', () => this.looks());
    await step('the preview shows it', () => this.preview());
    await step('captions move by keys, buttons and pointer, and stay there', () => this.moves());
    await step('beside the pictures they shrink the grid', () => this.besides());
    await step('they never cover what has the focus', () => this.focusIsSeen());
    await step('on a phone a long caption covers no name', () => this.onAPhone());
    await step('who comes late reads all, searches and copies', () => this.late());
    await step('the screen reader gets finals only when it is asked for', () => this.announced());
    await step('with the AI off the captioner is told', () => this.off());
    await step('the organizer reads who knew what', () => this.record());
    await step('no page complained', () => {
      for (const person of [this.ada, this.grace, this.lin]) assert.deepEqual(person.complaints, []);
    });
  }

  async consents() {
    this.ada = await this.stage.person('Ada');
    this.grace = await this.stage.person('Grace');
    this.link = await this.ada.createsRoom(this.stage.server.url, 'Captions');
    await this.ada.joins();
    const { page } = this.grace;
    await page.goto(this.link);
    await page.fill(id('name'), 'Grace');
    assert.equal(await page.locator(id('ai-notice')).getAttribute('data-level'), 'off');
    await this.ada.setsLevel('transcript');
    await until('the level is set', async () => (await this.ada.level()) === 'transcript');
    await page.click(id('join'));
    await until('the page says what the AI does now', async () =>
      (await page.locator(id('ai-notice')).getAttribute('data-level')) === 'transcript');
    assert.match(await page.locator('[role="alert"]').innerText(), /does more in this room now/);
    const notice = await page.locator(id('ai-notice')).innerText();
    for (const said of [/recognised on this server/, /stored as a transcript/, /organizers may read/, /until an organizer deletes it|days? after the meeting/, /By joining you agree/]) {
      assert.match(notice, said);
    }
    await page.check(id('prejoin-opt-out'));
    await this.show(this.grace, 'notice');
    await page.click(id('join'));
    await page.waitForSelector(id('leave'));
    this.grace.participant = await until('own tile', () => this.grace.tileOf('Grace'));
    await this.ada.sees(this.grace);
    await this.ada.page.locator(`${id('tile')}[data-participant="${this.grace.participant}"] ${id('opted-out')}`).waitFor();
  }

  /** Types a line as a person does and finishes it. */
  async types(text, { finish = true, delay = 15 } = {}) {
    await this.grace.page.locator(id('captioner-line')).pressSequentially(text, { delay });
    if (finish) await this.grace.page.keyboard.press('Enter');
  }

  /** Waits until the page has this caption on screen. */
  async reads(person, text, final = true) {
    const shown = person.page.locator(`${id('captions')} [data-seg][data-final="${final}"]`).filter({ hasText: text });
    await shown.first().waitFor({ timeout: 20_000 });
    return shown.first();
  }

  async captioner() {
    assert.equal(await this.grace.page.locator(id('captioner')).count(), 0, 'nobody types unasked');
    await this.ada.page.click(id('people'));
    const row = this.ada.page.locator(`${id('person')}[data-participant="${this.grace.participant}"]`);
    await row.locator(id('person-actions')).click();
    await row.locator(id('do-captioner')).click();
    await this.grace.page.waitForSelector(id('captioner'));
    assert.match(await this.grace.page.locator(id('toast')).innerText(), /Ada lets you type captions/);
    await row.locator(id('is-captioner')).waitFor();
    await this.ada.page.click(id('close-panel'));
    await this.types('Welcome to the', { finish: false });
    await this.reads(this.ada, 'Welcome to the', false);
    await this.types(' meeting of Tuesday.');
    const shown = await this.reads(this.ada, 'Welcome to the meeting of Tuesday.');
    assert.equal(await shown.getAttribute('data-speaker-name'), 'Captioner: Grace');
    assert.equal(await this.grace.page.inputValue(id('captioner-line')), '');
    await this.types('a line that is', { finish: false });
    await this.reads(this.ada, 'a line that is', false);
    await this.grace.page.keyboard.press('Escape');
    await until('what was taken back has left the screen', async () =>
      (await this.ada.page.locator(`${id('captions')} [data-seg]`).filter({ hasText: 'a line that is' }).count()) === 0);
    await this.grace.page.selectOption(id('captioner-lang'), 'fr');
    await this.types('Merci à tous d’être là.');
    assert.equal(await (await this.reads(this.ada, 'Merci à tous')).getAttribute('lang'), 'fr');
    await this.grace.page.selectOption(id('captioner-lang'), 'en');
    await assertAccessible(this.grace.page, 'captioner');
    await this.picture(this.grace.page, 'captioner');
  }

  async paintedAtOnce() {
    const delays = (await Promise.all([this.ada, this.grace].map((p) => p.log()))).flatMap((log) => log.paintDelays());
    this.figures.add('typed caption on screen after it arrived, median', percentile(delays, 50), 'ms');
    this.figures.add('typed caption on screen after it arrived, p95', percentile(delays, 95), 'ms', paintLimitMs);
    assert.ok(delays.length > 10, `${delays.length} captions were timed`);
    assert.ok(percentile(delays, 95) <= paintLimitMs, `p95 of ${percentile(delays, 95)} ms`);
  }

  /** Opens the dialog of the captions' look. */
  async opensLook(person) {
    await person.page.click(id('more'));
    await person.page.click(id('menu-captions'));
    await person.page.waitForSelector(id('caption-preview'));
  }

  async chooses(person, choices) {
    await this.opensLook(person);
    for (const [name, value] of Object.entries(choices)) {
      await person.page.locator(`input[name="caption-${name}"][value="${value}"]`).check();
    }
    await person.page.keyboard.press('Escape');
    await person.page.locator(id('caption-preview')).waitFor({ state: 'detached' });
  }

  async fonts(person) {
    return person.page.evaluate(() => performance.getEntriesByType('resource').filter((r) => r.name.includes('.woff2')).length);
  }

  async looks() {
    assert.equal(await this.fonts(this.ada), 0, 'no font was fetched unasked');
    for (const [colours, opacity, font, size, lines] of [
      ['white-black', 85, 'interface', 'medium', 2],
      ['yellow-black', 75, 'atkinson', 'large', 3],
      ['black-white', 75, 'serif', 'xlarge', 2],
      ['black-cream', 100, 'atkinson', 'small', 4],
    ]) {
      await this.chooses(this.ada, { colours, opacity, font, size, lines });
      await this.types(`In ${colours} everybody can read along, also a sentence as long as this one, which fills its lines.`, { delay: 2 });
      await this.types('And what may still change', { finish: false, delay: 2 });
      const shown = await this.reads(this.ada, 'And what may still change', false);
      const style = await shown.evaluate((p) => {
        const { color, fontFamily, fontSize } = getComputedStyle(p);
        return { color, fontFamily, fontSize, tail: getComputedStyle(p.querySelector('.tail')).color };
      });
      assert.notEqual(style.color, style.tail);
      assert.equal(style.fontSize, `${{ small: 16, medium: 20, large: 24, xlarge: 32 }[size]}px`);
      assert.equal(style.fontFamily.includes('Atkinson'), font === 'atkinson');
      await assertAccessible(this.ada.page, `captions ${colours}`);
      await this.picture(this.ada.page, `look-${colours}`);
      await this.grace.page.keyboard.press('Escape');
    }
    assert.ok((await this.fonts(this.ada)) > 0, 'the font that was chosen is there');
  }

  async preview() {
    await this.chooses(this.ada, { colours: 'yellow-black', opacity: 75, font: 'atkinson', size: 'large', lines: 2 });
    await this.opensLook(this.ada);
    const box = this.ada.page.locator(`${id('caption-preview')} [data-seg]`);
    assert.equal(await box.evaluate((p) => getComputedStyle(p).fontSize), '24px');
    await this.show(this.ada, 'look-dialog');
    await this.ada.page.keyboard.press('Escape');
    await this.chooses(this.ada, { colours: 'white-black', opacity: 85, font: 'interface', size: 'medium', lines: 2 });
  }

  box(person = this.ada) {
    return person.page.locator(id('captions')).evaluate((e) => {
      const { left, top, right, bottom } = e.getBoundingClientRect();
      return { left, top, right, bottom };
    });
  }

  async moves() {
    const { page } = this.ada;
    const home = await this.box();
    await this.opensLook(this.ada);
    await page.click(id('move-captions'));
    await page.waitForSelector(id('caption-mover'));
    for (const key of ['ArrowUp', 'ArrowUp', 'ArrowLeft']) await page.keyboard.press(key);
    await page.click(id('move-up'));
    const byKeys = await this.box();
    assert.ok(byKeys.top < home.top - 100 && byKeys.left < home.left, JSON.stringify({ home, byKeys }));
    await page.mouse.move(byKeys.left + 12, byKeys.top + 12);
    await page.mouse.down();
    await page.mouse.move(byKeys.left + 112, byKeys.top - 38, { steps: 5 });
    await page.mouse.up();
    const dragged = await this.box();
    assert.ok(Math.abs(dragged.left - byKeys.left - 100) < 15 && Math.abs(dragged.top - byKeys.top + 50) < 15, JSON.stringify({ byKeys, dragged }));
    await assertAccessible(page, 'moving captions');
    await this.picture(page, 'look-moving');
    await page.click(id('move-done'));
    await page.locator(id('caption-mover')).waitFor({ state: 'detached' });
    const kept = JSON.parse(await page.evaluate(() => localStorage.getItem('souffleur.settings')));
    assert.ok(kept.captionSpot.x > 0 && kept.captionSpot.y < 100, JSON.stringify(kept.captionSpot));
    await this.opensLook(this.ada);
    await page.click(id('move-captions'));
    await page.click(id('move-reset'));
    await page.waitForTimeout(100); // the button that was pressed has nothing to do now, and loses the focus
    await page.keyboard.press('Escape');
    await page.locator(id('caption-mover')).waitFor({ state: 'detached' });
    assert.ok(Math.abs((await this.box()).left - home.left) < 40);
  }

  async besides() {
    const grid = () => this.ada.page.locator(id('tile')).first().evaluate((e) => e.closest('ul').clientWidth);
    const before = await grid();
    await this.chooses(this.ada, { place: 'side' });
    await this.types('Beside the pictures there is room for longer lines, and no face is covered by what is said.', { delay: 2 });
    await this.reads(this.ada, 'Beside the pictures');
    const after = await grid();
    assert.ok(after < before - 300, `the grid was ${before} px wide and is ${after}`);
    const captions = await this.box();
    for (const tile of await this.ada.page.locator(id('tile')).all()) {
      const { x, width } = await tile.boundingBox();
      assert.ok(x + width <= captions.left + 1, 'a tile is covered');
    }
    await this.picture(this.ada.page, 'look-side');
    await this.chooses(this.ada, { place: 'top' });
    await this.types('At the top there are captions, too.', { delay: 2 });
    await this.reads(this.ada, 'At the top');
    assert.ok((await this.box()).top < desktop.height / 3);
    await this.picture(this.ada.page, 'look-top');
    await this.chooses(this.ada, { place: 'bottom' });
  }

  /** Goes through all controls by keyboard while captions stand on the pictures. */
  async focusIsSeen() {
    const { page } = this.ada;
    await this.chooses(this.ada, { size: 'huge', lines: 4 });
    await this.types('These captions are as large as they can be, so that they would cover much of what is below them.', { delay: 2 });
    await this.types('And they are long as well, so that the whole of the box is full of them, line after line.', { delay: 2 });
    await this.reads(this.ada, 'And they are long');
    const seen = new Set();
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press('Tab');
      const found = await page.evaluate(() => {
        const focused = document.activeElement;
        if (!focused || focused === document.body) return { name: '' };
        const a = focused.getBoundingClientRect();
        const covers = [...document.querySelectorAll('[data-testid="captions"] .block')].some((block) => {
          const b = block.getBoundingClientRect();
          return b.width > 0 && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
        });
        return { name: focused.getAttribute('aria-label') || focused.textContent.trim().slice(0, 40) || focused.tagName, covers };
      });
      if (!found.name) continue;
      seen.add(found.name);
      assert.ok(!found.covers, `captions cover ${found.name}`);
    }
    assert.ok(seen.size >= 8, `only ${[...seen].join(', ')} had the focus`);
    await this.chooses(this.ada, { size: 'medium', lines: 2 });
  }

  async onAPhone() {
    const { page } = this.ada;
    await page.setViewportSize(phone);
    await page.waitForTimeout(400); // the layout follows the size after a moment
    for (const [size, lines] of [
      ['medium', 2],
      ['large', 3],
    ]) {
      await this.chooses(this.ada, { size, lines });
      await this.types('On a phone a caption that goes on and on, as this one does, must not cover the name of anybody below.', { delay: 2 });
      await this.reads(this.ada, 'On a phone');
      const covering = () => page.evaluate(() => {
        const rect = (e) => e.getBoundingClientRect();
        const blocks = [...document.querySelectorAll('[data-testid="captions"] .block')].map(rect);
        const others = [...document.querySelectorAll('.plate, [role="group"] > button')];
        const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
        const told = (r) => [r.left, r.top, r.right, r.bottom].map(Math.round).join(' ');
        const hit = others.filter((o) => blocks.some((b) => meet(rect(o), b)));
        return hit.map((o) => `${o.textContent.trim()} at ${told(rect(o))}, captions at ${blocks.map(told).join(' and ')}`);
      });
      await until('the captions have room of their own', async () => (await covering()).length === 0, 5_000).catch(() => undefined);
      assert.deepEqual(await covering(), [], `at ${size}`);
      await assertAccessible(page, `captions on a phone, ${size}`);
      await this.picture(page, `look-phone-${size}`);
    }
    assert.ok((await page.locator(id('ai-state')).boundingBox()).width > 30, 'the state is seen on a phone, too');
    await page.setViewportSize(desktop);
    await this.chooses(this.ada, { size: 'medium', lines: 2 });
  }

  async late() {
    this.lin = await this.stage.person('Lin');
    const { page } = this.lin;
    await this.lin.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.setViewportSize({ width: 1280, height: 520 });
    await this.lin.joins(this.link);
    await page.click(id('transcript-panel'));
    const rows = page.locator(id('transcript-row'));
    const all = (await this.ada.log()).finals().map((c) => c.text.trim());
    await until('all that was said before is listed', async () => (await rows.count()) === all.length);
    assert.equal(await rows.first().getAttribute('data-speaker-name'), 'Captioner: Grace');

    await page.fill(id('panel-search'), 'CAPTIONS');
    const words = all.join(' ').toLowerCase().split('captions').length - 1;
    await until('matches are counted', async () => (await page.locator(id('match-count')).innerText()).startsWith(`${words} match`));
    assert.equal(await page.locator(`${id('transcript-row')} mark`).count(), words);
    const current = () => page.locator(`${id('transcript-row')}.current`).getAttribute('data-seg');
    await page.keyboard.press('Enter');
    const first = await current();
    await page.click(id('next-match'));
    const second = await current();
    assert.notEqual(first, second);
    await page.click(id('previous-match'));
    assert.equal(await current(), first);
    await page.locator(`${id('transcript-row')}.current`).waitFor();

    await page.click(id('copy-all'));
    const copied = await until('all is copied', () => page.evaluate(() => navigator.clipboard.readText()));
    assert.equal(copied.split('\n').length, all.length);
    assert.match(copied, /^\[0:\d\d\] Captioner: Grace: Welcome to the meeting of Tuesday\./);
    await rows.first().locator(id('copy-one')).click();
    await until('one is copied', async () => /Tuesday\.$/.test(await page.evaluate(() => navigator.clipboard.readText())));

    await page.fill(id('panel-search'), '');
    await page.locator('[role="log"]').evaluate((e) => (e.scrollTop = 0));
    await this.types('This is new.', { delay: 2 });
    await until('the reader is told', async () => /1 new/.test(await page.locator(id('new-below')).innerText()));
    await assertAccessible(page, 'the transcript so far');
    await this.picture(page, 'panel');
    await page.click(id('new-below'));
    await until('the newest is in sight', async () => (await page.locator(id('new-below')).count()) === 0);
    await page.locator('[role="log"]').focus(); // by keyboard, too
    await page.keyboard.press('Home');
    await until('the log scrolls by keys', () => page.locator('[role="log"]').evaluate((e) => e.scrollTop === 0));
  }

  async announced() {
    const { page } = this.lin;
    const log = page.locator('[role="log"]');
    assert.equal(await log.getAttribute('aria-live'), 'off');
    await page.check(id('announce-finals'));
    assert.equal(await log.getAttribute('aria-live'), 'polite');
    assert.equal(await log.locator('[data-final="false"]').count(), 0);
    await page.uncheck(id('announce-finals'));
  }

  async off() {
    await this.ada.setsLevel('off');
    await until('the field is closed', () => this.grace.page.locator(id('captioner-line')).isDisabled());
    assert.match(await this.grace.page.locator(id('captioner-hint')).innerText(), /AI is off in this room/);
    await until('no caption is on the screen', async () => (await this.ada.page.locator(`${id('captions')} [data-seg]`).count()) === 0);
    await this.picture(this.grace.page, 'captioner-off');
  }

  async record() {
    const [{ id: meeting }] = await this.stage.server.meetings();
    for (const person of [this.lin, this.grace, this.ada]) await person.leaves();
    const { segments } = await this.stage.server.transcript(meeting);
    assert.ok(segments.length > 5 && segments.every((s) => s.quality === 'typed'), 'what was typed is stored, and says so');
    const { page } = this.ada;
    await page.goto(`${this.stage.server.url}/m/${meeting}`);
    await page.locator(`${id('consents')} summary`).click();
    await until('three people', async () => (await page.locator(id('consent')).count()) === 3);
    const lines = await page.locator(id('consent')).allInnerTexts();
    assert.match(lines.join('\n'), /Ada[^]*told in the meeting: Transcript/);
    assert.match(lines.join('\n'), /Grace[^]*joined knowing: Transcript \(text 1\)/);
    await assertAccessible(page, 'consents');
    await page.locator(id('consents')).scrollIntoViewIfNeeded();
    await this.picture(page, 'consents');
  }
}
