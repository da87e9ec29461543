// A person in a browser, as the steps of a test tell it: joins, speaks, reads, switches.

import { openBrowser } from './browser.js';
import { CaptionLog } from './captionlog.js';
import { until } from './processes.js';

const id = (name) => `[data-testid="${name}"]`;

export class Person {
  /** Opens a browser for somebody called `name`; options are those of openBrowser. */
  static async arrive(name, options) {
    return new Person(name, await openBrowser(options));
  }

  constructor(name, { browser, context, page, close }) {
    this.name = name;
    this.browser = browser;
    this.context = context;
    this.page = page;
    this.goHome = close;
    this.complaints = [];
    page.on('pageerror', (e) => this.complaints.push(e.message));
  }

  /** Creates a room on the home page, enters it, and returns its link. */
  async createsRoom(url, title) {
    await this.page.goto(url);
    await this.page.fill(id('room-name'), title);
    await this.page.click(id('create-room'));
    const link = await this.page.inputValue(id('invite-link'));
    await this.page.click(id('enter-created'));
    return link;
  }

  /** Joins the room whose page or link is given, silent and unseen. */
  async joins(link) {
    if (link) await this.page.goto(link);
    await this.page.fill(id('name'), this.name);
    await this.turns('mic', false);
    await this.turns('camera', false);
    await this.page.click(id('join'));
    await this.page.waitForSelector(id('leave'));
    this.participant = await until('own tile', () => this.tileOf(this.name));
  }

  /** The participant shown in the tile with this name, or undefined. */
  async tileOf(name) {
    const tile = this.page.locator(id('tile')).filter({ hasText: name }).first();
    return (await tile.count()) > 0 ? tile.getAttribute('data-participant') : undefined;
  }

  async sees(other) {
    return until(`${this.name} sees ${other.name}`, () => this.tileOf(other.name));
  }

  /** Presses a toggle button until it is as wanted. */
  async turns(button, on) {
    const toggle = this.page.locator(id(button)).first();
    await toggle.waitFor();
    if ((await toggle.getAttribute('aria-pressed')) === String(on)) return;
    await toggle.click();
    await until(`${button} is ${on ? 'on' : 'off'}`, async () => (await toggle.getAttribute('aria-pressed')) === String(on));
  }

  /** Opens the microphone: its file starts from the beginning. Returns when that was, in Unix milliseconds. */
  async speaks() {
    const before = (await this.log()).microphones.length;
    await this.turns('mic', true);
    const opened = await until('the microphone opens', async () => (await this.log()).microphones[before]);
    return opened;
  }

  async mutes() {
    await this.turns('mic', false);
  }

  /** Switches the AI of the room. */
  async setsLevel(level) {
    await this.page.selectOption(id('ai-level'), level);
  }

  /** The AI level that the page shows. */
  async level() {
    return this.page.locator(id('ai-state')).first().getAttribute('data-level');
  }

  async leaves() {
    await this.page.click(id('leave'));
  }

  /** What the page received and showed until now. */
  async log() {
    return new CaptionLog(await this.page.evaluate(() => globalThis.souffleurNotes));
  }

  /**
   * Waits until this page has all captions of what was said: the AI says that it keeps up, every partial has become final,
   * and nothing new has come for 4 s.
   */
  async captionsRest() {
    let changed = Date.now();
    await until('captions come to rest', async () => {
      const { wire } = await this.log();
      const last = new Map([...wire].sort((a, b) => a.rev - b.rev).map((c) => [c.seg, c])); // the newest of each segment
      const open = [...last.values()].some((c) => !c.final && c.text !== ''); // an empty partial takes its caption back
      const live = (await this.page.getByTestId('ai-state').first().getAttribute('data-state')) === 'live';
      if (!live || open) changed = Date.now();
      return Date.now() - Math.max(changed, wire.at(-1)?.at ?? 0) > 4_000;
    }, 60_000);
  }

  /** Calls the API with the page's own cookies and returns {status, type}. */
  async asks(method, path, body) {
    return this.page.evaluate(
      async ({ method, path, body }) => {
        const headers = body ? { 'Content-Type': 'application/json' } : {};
        const response = await fetch(`/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
        return { status: response.status, type: response.headers.get('content-type') ?? '' };
      },
      { method, path, body },
    );
  }
}
