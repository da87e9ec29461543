// Pictures of pages, and their check against WCAG.

import assert from 'node:assert/strict';
import { mkdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { desktop, phone } from './browser.js';
import { images, wantScreenshots } from './places.js';
import { assertAccessible } from './wcag.js';

const mostBytes = 400_000;

/** The pictures that README and docs show, by test and name: made anew with SCREENSHOTS=1. */
const inManual = new Set([
  'looks/room', 'looks/home', 'looks/prejoin', 'looks/transcript',
  'captions/notice', 'captions/look-dialog', 'captions/panel', 'captions/captioner',
  'roomlife/people', 'roomlife/waiting-list', 'roomlife/rules',
  'keyboard/help', 'signin/sharing', 'minutes/page', 'voices/people-voices',
  'admin/rooms', 'admin/capacity', 'admin/audit', 'admin/webhooks',
]);

export class Gallery {
  constructor(stage) {
    this.stage = stage;
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
    const test = basename(this.stage.results);
    const path = wantScreenshots && inManual.has(`${test}/${name}`)
      ? join(images, `${test}-${name}.png`)
      : join(this.stage.results, `${name}.png`);
    mkdirSync(dirname(path), { recursive: true });
    await page.screenshot({ path });
    assert.ok(statSync(path).size < mostBytes, `${name}.png has ${statSync(path).size} bytes`);
  }
}
