// Pages in light and dark, in both languages and from 320 px on; the operator's name, colours and logo; forced colours.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Gallery } from '../harness/gallery.js';
import { onRealServers, resultsOf } from '../harness/places.js';
import { until } from '../harness/processes.js';
import { Server } from '../harness/server.js';
import { Stage } from '../harness/stage.js';
import { assertAccessible } from '../harness/wcag.js';

const skip = onRealServers && 'pages do not depend on Kafka and S3';
const widths = [320, 768, 1280];

test('light and dark', { timeout: 300_000, skip }, async (t) => {
  const stage = await Stage.set('themes');
  try {
    const story = new Story(stage);
    const step = (name, body) => stage.step(t, name, body);
    await step('the system’s theme, and the reader’s', () => story.chooses());
    await step('pages outside a meeting', () => story.outside());
    await step('a meeting is dark on any system', () => story.meeting());
    await step('forced colours', () => story.forced());
    await step('no motion for who asks for none', () => story.still());
  } finally {
    await stage.clear();
  }
});

class Story extends Gallery {
  async chooses() {
    this.ada = await this.stage.person('Ada');
    const { page } = this.ada;
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.goto(this.stage.server.url);
    await this.#themeIs('dark');
    await page.getByTestId('theme').selectOption('light');
    await this.#themeIs('light');
    await page.reload();
    await this.#themeIs('light');
    await page.getByTestId('theme').selectOption('system');
    await this.#themeIs('dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await this.#themeIs('light');
  }

  async #themeIs(theme) {
    const grounds = { light: 'rgb(246, 246, 251)', dark: 'rgb(19, 18, 25)' };
    await until(`the page is ${theme}`, async () => {
      const body = await this.ada.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      return body === grounds[theme];
    });
  }

  async outside() {
    const { page } = this.ada;
    const { url } = this.stage.server;
    this.link = (await this.stage.server.room('Conseil de quartier du 12ᵉ arrondissement', 'captions', 'fr')).trim();
    for (const [name, address, ready] of [
      ['home', url, 'create-room'],
      ['meetings', `${url}/meetings`, 'theme'],
      ['lost', `${url}/nothing/here`, 'theme'],
      ['prejoin', this.link, 'join'],
    ]) {
      await page.goto(address);
      await page.getByTestId(ready).waitFor();
      await this.#everyLook(name);
    }
  }

  /** Pictures in both themes and languages at three widths; axe, and no sideways scrolling, in each. */
  async #everyLook(name, themes = ['light', 'dark']) {
    const { page } = this.ada;
    for (const language of ['en', 'fr']) {
      if (themes.length > 1) await page.getByTestId('language').selectOption(language);
      for (const colorScheme of themes) {
        await page.emulateMedia({ colorScheme });
        for (const width of widths) {
          await page.setViewportSize({ width, height: width < 500 ? 640 : 800 });
          await page.waitForTimeout(200); // the layout follows the size after a moment
          const look = `${name}-${colorScheme}-${language}-${width}`;
          await this.picture(page, look);
          const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          assert.ok(wider <= 0, `${look} is ${wider} px wider than the screen`);
          if (width !== 768) await assertAccessible(page, look);
        }
      }
    }
  }

  async meeting() {
    const { page } = this.ada;
    await page.emulateMedia({ colorScheme: 'light' });
    await this.ada.joins(this.link);
    await this.#themeIs('dark');
    await this.#everyLook('meeting', ['light']);
  }

  async forced() {
    const { page } = this.ada;
    await page.emulateMedia({ forcedColors: 'active', colorScheme: 'light' });
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.waitForTimeout(200);
    await this.picture(page, 'meeting-forced');
    await this.#allSeen();
    await this.ada.leaves();
    await page.getByTestId('gone').waitFor();
    await this.#allSeen();
    await page.goto(this.link);
    await page.getByTestId('join').waitFor();
    await this.picture(page, 'prejoin-forced');
    await this.#allSeen();
    await page.emulateMedia({ forcedColors: 'none' });
  }

  /** Every control has an edge or an icon that differs from its ground. */
  async #allSeen() {
    const unseen = await this.ada.page.evaluate(() =>
      [...document.querySelectorAll('button, select, input, a')]
        .filter((e) => e.checkVisibility() && e.getBoundingClientRect().width > 1)
        .filter((e) => {
          const style = getComputedStyle(e);
          return style.color === style.backgroundColor;
        })
        .map((e) => e.outerHTML.slice(0, 80)),
    );
    assert.deepEqual(unseen, []);
  }

  async still() {
    const { page } = this.ada;
    await page.emulateMedia({ reducedMotion: 'reduce' });
    const moving = await page.evaluate(() =>
      [...document.querySelectorAll('*')].filter((e) => {
        const s = getComputedStyle(e);
        return parseFloat(s.transitionDuration) > 0.001 || parseFloat(s.animationDuration) > 0.001;
      }).length,
    );
    assert.equal(moving, 0);
  }
}

const theme = `/* a city's */
:root { --font: 'Liberation Serif', serif; }
[data-theme='light'] { --accent: #00695c; --accent-hover: #00574c; --bg: #fffaf0; }
[data-theme='dark'] { --accent: #00796b; }
`;
const logo = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="4" fill="#00695c"/></svg>';

test('the operator’s name, colours and logo', { timeout: 120_000, skip }, async (t) => {
  const folder = resultsOf('operator');
  const file = (name, text) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  await t.test('a theme with anything else in it stops the start, with a sentence', async () => {
    const broken = { SOUFFLEUR_THEME_CSS: file('broken.css', '\nbody { display: none }') };
    await assert.rejects(Server.start(folder, broken));
    const { readFileSync } = await import('node:fs');
    assert.match(readFileSync(join(folder, 'server.log'), 'utf8'), /theme: broken\.css:2: a theme sets tokens in/);
  });
  const stage = await Stage.set('operator-look', {
    SOUFFLEUR_NAME: 'Visio <b>Lyon</b>',
    SOUFFLEUR_THEME_CSS: file('city.css', theme),
    SOUFFLEUR_LOGO: file('city.svg', logo),
  });
  try {
    await stage.step(t, 'are on the page', async () => {
      const { page, complaints } = await stage.person('Ada');
      const refused = [];
      page.on('console', (m) => /Content Security Policy/.test(m.text()) && refused.push(m.text()));
      await page.goto(stage.server.url);
      await page.getByTestId('create-room').waitFor();
      assert.equal(await page.title(), 'Visio <b>Lyon</b>');
      const look = await page.evaluate(() => {
        const img = document.querySelector('header img');
        const primary = getComputedStyle(document.querySelector('[data-testid="create-room"]'));
        const body = getComputedStyle(document.body);
        return { brand: document.querySelector('.brand').textContent, logo: img.naturalWidth > 0, accent: primary.backgroundColor, bg: body.backgroundColor, font: getComputedStyle(document.documentElement).fontFamily };
      });
      assert.deepEqual(look, {
        brand: 'Visio <b>Lyon</b>', logo: true, accent: 'rgb(0, 105, 92)', bg: 'rgb(255, 250, 240)', font: '"Liberation Serif", serif',
      });
      await page.emulateMedia({ colorScheme: 'dark' });
      await until('the dark theme has its own', () =>
        page.evaluate(() => getComputedStyle(document.body).backgroundColor === 'rgb(19, 18, 25)'));
      await page.screenshot({ path: join(stage.results, 'home.png') });
      assert.deepEqual([refused, complaints], [[], []]);
    });
  } finally {
    await stage.clear();
  }
});
