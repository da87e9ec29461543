// Pictures of pages, and their check against WCAG.

import assert from 'node:assert/strict';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { desktop, phone } from './browser.js';
import { images, wantScreenshots } from './places.js';
import { assertAccessible } from './wcag.js';

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
    await assertAccessible(page, name);
    await page.setViewportSize(phone);
    await page.waitForTimeout(400); // the layout follows the size after a moment
    await this.picture(page, `${name}-phone`);
    await assertAccessible(page, `${name} on a phone`);
    await page.setViewportSize(desktop);
    await page.waitForTimeout(400);
  }

  async picture(page, name) {
    const folder = wantScreenshots && this.#inManual.has(name) ? images : this.stage.results;
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `${name}.png`);
    await page.screenshot({ path });
    assert.ok(statSync(path).size < mostBytes, `${name}.png has ${statSync(path).size} bytes`);
  }
}
