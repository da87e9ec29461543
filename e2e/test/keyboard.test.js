// The main story of a meeting with the keyboard alone: no mouse is touched.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Gallery } from '../harness/gallery.js';
import { onRealServers } from '../harness/places.js';
import { until } from '../harness/processes.js';
import { Stage } from '../harness/stage.js';

const skip = onRealServers && 'the keyboard does not depend on Kafka and S3';

test('a meeting by keyboard', { timeout: 120_000, skip }, async (t) => {
  const stage = await Stage.set('keyboard');
  try {
    const story = new Story(stage);
    const step = (name, body) => stage.step(t, name, body);
    await step('a room is created', () => story.creates());
    await step('several join at one microphone', () => story.joins());
    await step('microphone and captions by button and by letter', () => story.toggles());
    await step('the help lists the keys, and switches letters off', () => story.help());
    await step('panels take the focus and give it back', () => story.panels());
    await step('reactions reach the others', () => story.reacts());
    await step('an organizer moderates from the list', () => story.moderates());
    await step('the focus is always seen', () => story.seen());
    await step('a phone has every control', () => story.phone());
    await step('the meeting is ended', () => story.ends());
  } finally {
    await stage.clear();
  }
});

class Story extends Gallery {
  async creates() {
    this.ada = await this.stage.person('Ada');
    this.page = this.ada.page;
    await this.page.goto(this.stage.server.url);
    await this.page.getByTestId('create-room').waitFor();
    await this.page.keyboard.press('Tab');
    await this.#focusIs('skip');
    await this.page.keyboard.press('Enter');
    assert.equal(await this.page.evaluate(() => document.activeElement.id), 'content', 'the skip link leads to the content');
    await this.#tabTo('room-name');
    await this.page.keyboard.type('By keyboard');
    await this.page.keyboard.press('Enter');
    await this.page.getByTestId('invite-link').waitFor();
    this.link = await this.page.getByTestId('invite-link').inputValue();
    await this.#tabTo('enter-created');
    await this.page.keyboard.press('Enter');
    await this.page.getByTestId('join').waitFor();
  }

  async joins() {
    await this.#tabTo('name');
    await this.page.keyboard.type('Ada');
    await this.#tabTo('several');
    await this.page.keyboard.press('Space');
    await this.#tabTo('headcount');
    await this.page.keyboard.type('41');
    await this.#tabTo('join');
    await this.page.keyboard.press('Enter');
    await this.#focusIs('headcount'); // what is wrong has the focus
    await this.page.keyboard.press('Control+A');
    await this.page.keyboard.type('12');
    await this.#tabTo('join');
    await this.page.keyboard.press('Enter');
    await this.page.getByTestId('leave').waitFor();
    this.grace = await this.stage.person('Grace', { locale: 'fr-FR' });
    await this.grace.joins(this.link);
    const sign = this.grace.page.getByTestId('room-mic');
    await until('Grace sees how many are at Ada’s microphone', async () => (await sign.textContent().catch(() => '')).includes('12'));
  }

  async toggles() {
    await this.page.keyboard.press('m');
    await this.#pressed('mic', true);
    await this.#tabTo('mic');
    await this.page.keyboard.press('Space');
    await this.#pressed('mic', false);
    const before = await this.#isPressed('cc');
    await this.page.keyboard.press('c');
    await this.#pressed('cc', !before);
    await this.#tabTo('cc');
    await this.page.keyboard.press('Enter');
    await this.#pressed('cc', before);
    await this.page.keyboard.press('h');
    await this.#pressed('hand', true);
    await this.page.keyboard.press('h');
    await this.#pressed('hand', false);
  }

  async help() {
    const { page } = this;
    await this.#tabTo('more');
    await page.keyboard.press('Enter');
    await until('the menu has the focus', () => this.#focused('menu-invite'));
    await page.keyboard.press('End');
    await page.keyboard.press('Home');
    await until('Home leads to the first entry', () => this.#focused('menu-invite'));
    await this.#pressTo('ArrowDown', 'menu-help');
    await page.keyboard.press('Enter');
    await page.getByTestId('shortcuts').waitFor();
    await this.show(this.ada, 'help');
    const keys = await page.locator('[data-testid="shortcuts"] kbd').allTextContents();
    assert.deepEqual(keys, ['m', 'v', 'c', 'h', 'e', 'p', 't', 'r', '?', 'Page Up', 'Page Down']);
    await this.#tabTo('letters');
    await page.keyboard.press('Space');
    await page.keyboard.press('Escape');
    await this.#focusIs('more'); // where the dialog came from
    await page.keyboard.press('h');
    await page.keyboard.press('?');
    await page.waitForTimeout(200);
    assert.equal(await this.#isPressed('hand'), false, 'a letter acts although letters are off');
    assert.equal(await page.getByTestId('shortcuts').count(), 0);
    await page.keyboard.press('Enter');
    await until('the menu is open', () => this.#focused('menu-invite'));
    await this.#pressTo('ArrowUp', 'menu-help');
    await page.keyboard.press('Enter');
    await this.#tabTo('letters');
    await page.keyboard.press('Space');
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByTestId('shortcuts').waitFor();
    await page.keyboard.press('Escape');
    await page.getByTestId('shortcuts').waitFor({ state: 'detached' });
  }

  async panels() {
    const { page } = this;
    for (const [key, button, panel] of [['p', 'people', 'people-list'], ['r', 'transcript-panel', 'side-panel'], ['t', 'chat-panel', 'chat-log']]) {
      await page.keyboard.press(key);
      await page.getByTestId(panel).waitFor();
      await until(`the ${button} panel has the focus`, () => page.evaluate(() => document.activeElement.closest('aside') !== null));
      if (key === 't') {
        await page.keyboard.type('hello, more than letters');
        await page.keyboard.press('Enter');
        await page.getByTestId('chat-message').waitFor();
      }
      await page.keyboard.press('Escape');
      await page.getByTestId(panel).waitFor({ state: 'detached' });
      await until(`the focus is back at ${button}`, () => this.#focused(button));
    }
  }

  async reacts() {
    const { page } = this;
    await page.keyboard.press('e');
    await until('the first emoji has the focus', () => this.#focused('emoji'));
    await this.picture(page, 'reactions');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await until('the focus is back', () => this.#focused('react'));
    for (const who of [this.ada, this.grace]) {
      const tile = who.page.locator(`[data-testid="tile"][data-participant="${this.ada.participant ?? (await this.ada.tileOf('Ada'))}"]`);
      await until(`${who.name} sees the applause`, async () => (await tile.getByTestId('reaction').textContent().catch(() => '')) === '👏');
    }
    await until('Grace’s screen reader is told', async () =>
      (await this.grace.page.getByTestId('announcer').textContent()).includes('Ada\u202f: applaudissements'));
    await until('the reaction passes', async () => (await page.getByTestId('reaction').count()) === 0);
  }

  async moderates() {
    const { page } = this;
    await this.grace.turns('mic', true);
    await page.keyboard.press('p');
    await page.getByTestId('people-list').waitFor();
    await this.#tabTo('person-actions');
    assert.equal(await page.locator('[data-testid="person-actions"][tabindex="0"]').count(), 1, 'the list is one stop');
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await until('the menu has the focus', () => this.#focused('do-mute'));
    await page.keyboard.press('Escape');
    await until('the focus is back', () => this.#focused('person-actions'));
    await page.keyboard.press('Enter');
    await until('the menu has the focus', () => this.#focused('do-mute'));
    await page.keyboard.press('Enter');
    await until('Grace is muted', async () => (await this.grace.page.getByTestId('mic').getAttribute('aria-pressed')) === 'false');
    await page.keyboard.press('Escape');
  }

  /** Tabs once around: each stop is on the screen, not covered, and shows its ring. */
  async seen() {
    const { page } = this;
    const hidden = [];
    for (let n = 0; n < 25; n++) {
      await page.keyboard.press('Tab');
      const stop = await page.evaluate(() => {
        const e = document.activeElement;
        if (!e || e === document.body) return undefined;
        const box = e.getBoundingClientRect();
        const over = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        const ring = getComputedStyle(e).outlineStyle !== 'none';
        return { what: e.dataset.testid ?? e.outerHTML.slice(0, 60), seen: e.contains(over) || over?.contains(e) === true, ring };
      });
      if (stop && !(stop.seen && stop.ring)) hidden.push(stop);
    }
    assert.deepEqual(hidden, []);
  }

  /** At 320 px, which is also 400 % of a desktop's 1280: every control is on the screen, and large enough for a finger. */
  async phone() {
    const { page } = this;
    for (const [width, height] of [[320, 568], [640, 400]]) {
      await page.setViewportSize({ width, height });
      await page.waitForTimeout(300);
      await this.picture(page, `controls-${width}`);
      const wrong = await page.evaluate(() =>
        [...document.querySelectorAll('#controls > button, header button')].filter((b) => b.checkVisibility()).flatMap((b) => {
          const r = b.getBoundingClientRect();
          const fits = r.left >= 0 && r.top >= 0 && r.right <= innerWidth && r.bottom <= innerHeight;
          return fits && r.width >= 44 && r.height >= 44 ? [] : [`${b.dataset.testid} ${Math.round(r.width)}×${Math.round(r.height)} at ${Math.round(r.left)},${Math.round(r.top)}`];
        }),
      );
      assert.deepEqual(wrong, [], `${width} px`);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  }

  async ends() {
    const { page } = this;
    await this.#tabTo('more');
    await page.keyboard.press('Enter');
    await until('the menu is open', () => this.#focused('menu-invite'));
    await page.keyboard.press('End');
    await until('ending is the last entry', () => this.#focused('end-meeting'));
    await page.keyboard.press('Enter');
    await this.#tabTo('end-confirm');
    await page.keyboard.press('Enter');
    for (const who of [this.ada, this.grace]) await who.page.getByTestId('gone').waitFor();
    assert.deepEqual([this.ada.complaints, this.grace.complaints], [[], []]);
  }

  async #focused(testid) {
    return (await this.page.evaluate(() => document.activeElement?.dataset?.testid)) === testid;
  }

  async #focusIs(testid) {
    await until(`the focus is at ${testid}`, () => this.#focused(testid));
  }

  #tabTo(testid) {
    return this.#pressTo('Tab', testid);
  }

  async #pressTo(key, testid) {
    for (let n = 0; n < 60; n++) {
      if (await this.#focused(testid)) return;
      await this.page.keyboard.press(key);
    }
    throw new Error(`the keyboard does not reach ${testid}`);
  }

  async #isPressed(testid) {
    return (await this.page.getByTestId(testid).first().getAttribute('aria-pressed')) === 'true';
  }

  async #pressed(testid, on) {
    await until(`${testid} is ${on ? 'on' : 'off'}`, async () => (await this.#isPressed(testid)) === on);
  }
}
