// Four people in one meeting: pages, layers, who speaks, a shared screen, and a network that is away for ten seconds.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'node:test';
import { desktop } from '../harness/browser.js';
import { blockUDP, whyNot } from '../harness/firewall.js';
import { microphone } from '../harness/microphone.js';
import { flowing, framesIn, incoming, outgoing, plays, serverPorts, videoOf } from '../harness/pictures.js';
import { kennedy, onRealServers } from '../harness/places.js';
import { until } from '../harness/processes.js';
import { Figures } from '../harness/report.js';
import { Stage } from '../harness/stage.js';

const skip = onRealServers && 'nothing of it passes through Kafka or S3';

/** A window with room for two tiles: four people have two pages. */
const twoTiles = { width: 360, height: 310 };
const outageMs = 10_000;

test('four people in one meeting', { timeout: 300_000, skip }, async (t) => {
  const stage = await Stage.set('crowd');
  const figures = new Figures('Four browsers in one meeting');
  try {
    const crowd = new Crowd(stage, figures);
    const step = (name, body, skip) => stage.step(t, name, body, skip);
    await step('everybody is seen moving by everybody, on every page', () => crowd.pages());
    await step('who is on no page sends nothing', () => crowd.unwatched());
    await step('a page that is turned brings its people, and the others cost nothing', () => crowd.turns());
    await step('a large picture has more lines than a small one', () => crowd.layers());
    await step('the large picture and the sound follow who speaks', () => crowd.speakers());
    await step('a shared screen is seen by all', () => crowd.screen());
    await step('everybody is back after ten seconds without network', () => crowd.outage(), await whyNot());
    await step('nothing went wrong in the pages', () => crowd.noComplaints());
  } finally {
    await stage.clear();
    figures.publish(stage.results);
  }
});

class Crowd {
  constructor(stage, figures) {
    this.stage = stage;
    this.figures = figures;
  }

  get everybody() {
    return [this.ada, this.grace, this.alan, this.edsger];
  }

  others(person) {
    return this.everybody.filter((p) => p !== person);
  }

  async pages() {
    const { stage } = this;
    const voice = (name, said) => microphone(stage.results, name, said, { leadMs: 300, gapMs: 300 });
    const [first, second] = await Promise.all([voice('grace', kennedy[0]), voice('alan', kennedy[1])]);
    const link = await stage.server.room('Crowd', 'off', 'en');
    const arrive = (name, voice) => stage.person(name, { viewport: twoTiles, microphone: voice?.file, over: 'loop' });
    [this.ada, this.grace, this.alan, this.edsger] = await Promise.all([
      arrive('Ada'),
      arrive('Grace', first),
      arrive('Alan', second),
      arrive('Edsger'),
    ]);
    for (const person of this.everybody) await person.joins(link);
    const on = Date.now();
    await Promise.all(this.everybody.map((person) => person.turns('camera', true)));
    await Promise.all(this.everybody.map((person) => this.#leafsThrough(person)));
    this.figures.add('everybody has seen everybody', Date.now() - on, 'ms');
  }

  /** Looks at every page and sees each of the others move on it; then goes back to the first page by keyboard. */
  async #leafsThrough(person) {
    const pages = person.page.getByTestId('pages');
    await until(`${person.name} has two pages`, async () => (await pages.getAttribute('data-pages')) === '2');
    const seen = new Set();
    for (;;) {
      for (const other of await this.#seesPage(person)) seen.add(other.name);
      const next = person.page.getByTestId('next-page');
      if (await next.isDisabled()) break;
      await next.click();
    }
    assert.deepEqual([...seen].sort(), this.others(person).map((p) => p.name).sort());
    await person.page.keyboard.press('PageUp');
    await until('the first page', async () => (await pages.getAttribute('data-page')) === '0');
  }

  /** Waits until everybody on the page that a person looks at moves; returns them. */
  async #seesPage(person, timeoutMs) {
    const others = await this.#shown(person);
    await Promise.all(others.map((other) => plays(person, other, { timeoutMs })));
    return others;
  }

  /** Those of the others who have a tile on the page that is shown. */
  async #shown(person) {
    const shown = await person.page.getByTestId('tile').evaluateAll((tiles) => tiles.map((e) => e.dataset.participant));
    return this.others(person).filter((p) => shown.includes(p.participant));
  }

  // Ada and Grace came first, so the first page shows them (to Alan and Edsger: Ada and themselves).
  async unwatched() {
    for (const person of [this.alan, this.edsger]) await this.#stopsSending(person);
    await this.#gets(this.ada, 1);
    for (const person of [this.ada, this.grace]) {
      await until(`${person.name} sends what small tiles need`, async () => {
        const sent = await flowing(person, outgoing);
        return sent.map((s) => s.rid).join() === 'q';
      });
    }
  }

  /** Waits until so many videos come to a person, and no more. */
  async #gets(person, videos) {
    const all = async () => (await flowing(person, incoming)).length === videos;
    await until(`${person.name} gets ${videos} videos`, all, 30_000);
  }

  async #stopsSending(person) {
    await until(`${person.name} sends no video`, async () => {
      const layers = (await outgoing(person)).filter((l) => l.rid !== '');
      return layers.every((l) => !l.active) && (await flowing(person, outgoing)).length === 0;
    });
  }

  async turns() {
    const { ada, grace, alan, edsger } = this;
    const turned = Date.now();
    await ada.page.getByTestId('next-page').click();
    await Promise.all([plays(ada, alan, { frames: 3 }), plays(ada, edsger, { frames: 3 })]);
    this.figures.add('a page is turned: both cameras play', Date.now() - turned, 'ms', 3_000);
    assert.equal((await videoOf(ada, grace)).width, 0, 'Grace has no tile on this page');
    await this.#gets(ada, 2);
    await this.#stopsSending(grace); // she looks at herself, and nobody else does
    const back = Date.now();
    await ada.page.getByTestId('previous-page').click();
    await plays(ada, grace, { frames: 3 });
    this.figures.add('back again: her camera plays', Date.now() - back, 'ms', 3_000);
    await this.#gets(ada, 1);
  }

  async layers() {
    const { ada, grace, alan } = this;
    await alan.page.getByTestId('next-page').click(); // Grace in a small tile
    await plays(alan, grace);
    const small = (await videoOf(alan, grace)).height;
    await ada.page.setViewportSize(desktop);
    await ada.turns('speaker-view', true);
    await grace.speaks();
    const wanted = Date.now();
    const large = () => videoOf(ada, grace, 'main-tile');
    await until('Ada sees Grace large', async () => (await large()).height > small, 30_000);
    this.figures.add('large picture: more lines', Date.now() - wanted, 'ms', 5_000);
    this.figures.add('lines of the small picture', small);
    assert.equal((await videoOf(alan, grace)).height, small, 'the small picture stays small');
    await until('Grace sends the two layers that are watched, and not the third', async () => {
      const lines = [(await videoOf(alan, grace)).height, (await large()).height];
      const sent = await flowing(grace, outgoing);
      return sent.map((s) => s.height).sort().join() === lines.sort().join();
    }, 30_000);
    this.figures.add('lines of the large picture', (await large()).height);
    this.figures.add('frames of the large picture in 2 s', await framesIn(ada, grace, 'main-tile', 2_000));
  }

  async speakers() {
    const { ada, grace, alan, edsger } = this;
    for (const [from, to] of [
      [grace, alan],
      [alan, grace],
    ]) {
      await from.mutes();
      const speaks = await to.speaks();
      await Promise.all([ada, edsger].map((reader) => this.#hears(reader, to)));
      await until(`the large picture is ${to.name}`, () => this.#isLarge(ada, to));
      this.figures.add(`${to.name} speaks: large`, Date.now() - speaks, 'ms', 6_000);
      await plays(ada, to, { tile: 'main-tile' });
    }
    await grace.mutes();
  }

  /** Waits until the tile or the large picture of who speaks says so: its mark is the loudness of what arrives. */
  async #hears(reader, speaker) {
    const heard = reader.page.locator(`[data-participant="${speaker.participant}"][data-speaking="true"]`);
    await until(`${reader.name} hears ${speaker.name}`, async () => (await heard.count()) > 0);
  }

  async #isLarge(reader, speaker) {
    const large = reader.page.getByTestId('main-tile');
    return (await large.count()) > 0 && (await large.getAttribute('data-participant')) === speaker.participant;
  }

  async screen() {
    const { ada, grace } = this;
    await grace.turns('screen', true);
    await Promise.all(this.others(grace).map((reader) => plays(reader, grace, { tile: 'screen-tile' })));
    const [large, window] = await Promise.all([videoOf(ada, grace, 'screen-tile'), videoOf(this.edsger, grace, 'screen-tile')]);
    assert.equal(large.width, window.width, 'a screen has one layer');
    await grace.turns('screen', false);
    await until('the screen is gone', async () => (await videoOf(ada, grace, 'screen-tile')).width === 0);
  }

  async outage() {
    const { ada } = this;
    await ada.turns('speaker-view', false); // all of them in one grid
    await this.#seesPage(ada);
    const before = await this.#tiles();
    const ports = new Set((await Promise.all(this.everybody.map(serverPorts))).flat());
    const unblock = await blockUDP([...ports]);
    const end = Date.now() + outageMs;
    try {
      await until('the pictures stand still', async () => (await framesIn(ada, this.grace, 'tile', 1_000)) === 0);
      await sleep(Math.max(0, end - Date.now()));
    } finally {
      await unblock();
    }
    const back = Date.now();
    await Promise.all(this.everybody.map((reader) => this.#seesPage(reader, 30_000)));
    this.figures.add('network back after 10 s: all pictures move', Date.now() - back, 'ms', 5_000);
    assert.deepEqual(await this.#tiles(), before, 'the same participants in the same places');
    await this.grace.speaks();
    await this.#hears(ada, this.grace);
    await this.grace.mutes();
  }

  #tiles() {
    return this.ada.page.getByTestId('tile').evaluateAll((tiles) => tiles.map((e) => e.dataset.participant));
  }

  noComplaints() {
    assert.deepEqual(this.everybody.flatMap((p) => p.complaints), []);
  }
}
