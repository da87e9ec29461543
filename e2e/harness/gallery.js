// Pictures of pages, and their check against WCAG.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { desktop, phone } from './browser.js';
import { images, wantScreenshots } from './places.js';

const axeScript = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8');
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const mostBytes = 400_000;

export class Gallery {
  #inManual;

  /** inManual are the names of pictures that README shows. */
  constructor(stage, inManual = []) {
    this.stage = stage;
    this.#inManual = new Set(inManual);
  }

  /** Takes the picture of a page, and checks it against WCAG, as it is and on a phone. */
  async show(person, name) {
    const { page } = person;
    await page.mouse.move(0, 0); // nothing is hovered
    await this.picture(page, name);
    await this.check(page, name);
    await page.setViewportSize(phone);
    await page.waitForTimeout(400); // the layout follows the size after a moment
    await this.picture(page, `${name}-phone`);
    await this.check(page, `${name} on a phone`);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${name} is ${overflow} px wider than a phone`);
    await page.setViewportSize(desktop);
    await page.waitForTimeout(400);
  }

  async check(page, name) {
    if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axeScript);
    const { violations } = await page.evaluate((values) => axe.run(document, { runOnly: { type: 'tag', values } }), rules);
    const grave = violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
    const where = (v) => `${v.id} (${v.impact}): ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`;
    assert.deepEqual(grave.map(where), [], name);
  }

  async picture(page, name) {
    const folder = wantScreenshots && this.#inManual.has(name) ? images : this.stage.results;
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `${name}.png`);
    await page.screenshot({ path });
    assert.ok(statSync(path).size < mostBytes, `${name}.png has ${statSync(path).size} bytes`);
  }
}
