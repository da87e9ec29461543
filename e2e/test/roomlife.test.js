// How people live together in a room: chat, raised hands, lobby, moderators, lock. In French and English, on both sizes.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Gallery } from '../harness/gallery.js';
import { onRealServers } from '../harness/places.js';
import { until } from '../harness/processes.js';
import { Stage } from '../harness/stage.js';

const skip = onRealServers && 'nothing of it passes through Kafka or S3';

test('people live together in a room', { timeout: 300_000, skip }, async (t) => {
  const stage = await Stage.set('roomlife');
  try {
    const story = new Story(stage);
    const step = (name, body) => stage.step(t, name, body);
    await step('three people meet', () => story.meet());
    await step('a chat is read by all, and by who comes late', () => story.chat());
    await step('hands keep their order, and an organizer lowers one', () => story.hands());
    await step('an organizer mutes somebody, who unmutes again', () => story.mute());
    await step('one screen is shared at a time', () => story.share());
    await step('newcomers wait in the lobby and are let in without a reload', () => story.lobby());
    await step('who is removed stays out', () => story.remove());
    await step('a locked meeting takes nobody new', () => story.lock());
    await step('the rules of a room stay', () => story.rules());
    await step('the chat is gone with the meeting', () => story.end());
  } finally {
    await stage.clear();
  }
});

class Story extends Gallery {
  async meet() {
    const { stage } = this;
    this.ada = await stage.person('Ada');
    this.grace = await stage.person('Grace', { locale: 'fr-FR' });
    this.link = await this.ada.createsRoom(stage.server.url, 'Room life');
    await this.ada.joins();
    await this.grace.joins(this.link);
    await Promise.all([this.ada.sees(this.grace), this.grace.sees(this.ada)]);
  }

  async chat() {
    const { ada, grace } = this;
    await grace.page.keyboard.press('t');
    await writes(grace, 'Bonjour <b>à tous</b> : https://example.org/ordre?a=1&b=2.');
    await ada.page.getByTestId('chat-unread').waitFor();
    await ada.page.getByTestId('chat-panel').click();
    const message = ada.page.getByTestId('chat-message').first();
    await until('Ada reads it', async () => (await message.textContent())?.includes('Bonjour <b>à tous</b> :'));
    assert.equal(await message.locator('b').count(), 0, 'no markup of others is in the page');
    assert.equal(await message.locator('a').getAttribute('href'), 'https://example.org/ordre?a=1&b=2');
    assert.equal(await message.locator('a').getAttribute('rel'), 'noopener noreferrer nofollow');
    assert.equal(await ada.page.getByTestId('chat-unread').count(), 0, 'what is on screen is read');
    await writes(ada, 'Hello Grace');
    await writes(ada, 'We begin in a minute.');
    await until('Grace reads three', async () => (await grace.page.getByTestId('chat-message').count()) === 3);
    await this.show(ada, 'chat');
    await grace.page.keyboard.press('Escape');
    assert.equal(await grace.page.getByTestId('chat-log').count(), 0, 'Escape closes the chat');

    this.alan = await this.stage.person('Alan');
    await this.alan.joins(this.link);
    await this.alan.page.getByTestId('chat-panel').click();
    await until('Alan reads what was written before', async () => {
      return (await this.alan.page.getByTestId('chat-message').allTextContents()).join().includes('Hello Grace');
    });
    await this.alan.page.getByTestId('close-panel').click();
    await ada.page.getByTestId('close-panel').click();
  }

  async hands() {
    const { ada, grace, alan } = this;
    await grace.page.keyboard.press('h');
    await until('Grace has the first hand', async () => (await handOn(ada, grace)) === 1);
    await alan.turns('hand', true);
    await until('Alan has the second', async () => (await handOn(ada, alan)) === 2 && (await handOn(grace, alan)) === 2);
    await ada.page.getByTestId('people').click();
    const first = ada.page.getByTestId('person').first();
    assert.match((await first.textContent()) ?? '', /Grace/, 'raised hands are listed first');
    await this.show(ada, 'people');
    await does(ada, grace, 'do-lower');
    await until('Grace’s hand is down', async () => (await pressed(grace, 'hand')) === 'false');
    await until('Grace is told by whom', async () => (await toast(grace)).includes('Ada'));
    await until('Alan has moved up', async () => (await handOn(grace, alan)) === 1);
    await ada.page.getByTestId('lower-all').click();
    await until('all hands are down', async () => (await pressed(alan, 'hand')) === 'false');
    assert.equal(await grace.page.getByTestId('people-badge').count(), 0);
  }

  async mute() {
    const { ada, grace } = this;
    await grace.turns('mic', true);
    await does(ada, grace, 'do-mute');
    await until('Grace’s microphone is off', async () => (await pressed(grace, 'mic')) === 'false');
    await until('Grace is told by whom', async () => (await toast(grace)).startsWith('Ada a coupé votre micro'));
    await this.picture(grace.page, 'muted');
    await grace.turns('mic', true);
    await until('Ada sees that Grace is back', async () => {
      return (await person(ada, grace).getByTestId('person-actions').count()) > 0 && !(await isMuted(ada, grace));
    });
    await grace.turns('mic', false);
    await until('Ada sees Grace muted', () => isMuted(ada, grace));
  }

  async share() {
    const { ada, grace, alan } = this;
    await grace.turns('screen', true);
    await until('Alan sees the screen', () => screenOf(alan, grace));
    await alan.page.getByTestId('screen').click();
    await until('Alan is refused', async () => (await toast(alan)).startsWith('Somebody shares a screen already'));
    assert.equal(await pressed(alan, 'screen'), 'false');
    await ada.turns('screen', true);
    await until('the organizer takes over', async () => (await screenOf(alan, ada)) && !(await screenOf(alan, grace)));
    await until('Grace’s screen is closed', async () => (await pressed(grace, 'screen')) === 'false');
    await ada.turns('screen', false);
    await until('nobody shares', async () => !(await screenOf(alan, ada)));
  }

  async lobby() {
    const { ada, stage } = this;
    await sets(ada, 'lobby', true);
    await ada.page.getByTestId('close-panel').click();
    this.kay = await stage.person('Kay', { locale: 'fr-FR' });
    const { page } = this.kay;
    await page.goto(this.link);
    await page.getByTestId('lobby-notice').waitFor();
    await page.getByTestId('name').fill('Kay');
    await page.getByTestId('mic').click();
    await until('the microphone is open for its test', async () => (await pressed(this.kay, 'mic')) === 'true');
    const before = (await this.kay.log()).microphones.length;
    await page.getByTestId('join').click();
    await page.getByTestId('lobby-page').waitFor();
    assert.equal(await page.getByTestId('lobby-page').getAttribute('data-organizer'), 'true');
    assert.equal(await page.locator('h1').textContent(), 'Vous attendez d’entrer');
    assert.equal((await this.kay.log()).microphones.length, before, 'no microphone is open at the door');
    await ada.page.getByTestId('waiting-strip').waitFor();
    assert.equal(await this.grace.page.getByTestId('waiting-strip').count(), 0, 'a guest is not told who waits');
    await this.show(this.kay, 'lobby');
    await this.show(ada, 'waiting-strip');
    await ada.page.getByTestId('show-waiting').click();
    const waiter = ada.page.getByTestId('waiter');
    assert.match((await waiter.textContent()) ?? '', /Kay/);
    await this.show(ada, 'waiting-list');
    await page.evaluate(() => (globalThis.sameDocument = true));
    await waiter.getByTestId('admit').click();
    await page.getByTestId('leave').waitFor();
    assert.ok(await page.evaluate(() => globalThis.sameDocument), 'the page was not loaded again');
    await until('the microphone opens with the meeting', async () => (await pressed(this.kay, 'mic')) === 'true');
    this.kay.participant = await until('own tile', () => this.kay.tileOf('Kay'));
    await until('Kay reads the chat', async () => {
      if ((await page.getByTestId('chat-log').count()) === 0) await page.getByTestId('chat-panel').click();
      return (await page.getByTestId('chat-message').count()) === 3;
    });

    const mallory = await stage.person('Mallory');
    await mallory.page.goto(this.link);
    await mallory.page.getByTestId('name').fill('Mallory');
    await mallory.page.getByTestId('join').click();
    await mallory.page.getByTestId('lobby-page').waitFor();
    await ada.page.getByTestId('refuse').click();
    await mallory.page.getByTestId('gone').waitFor();
    assert.match((await mallory.page.getByTestId('gone').textContent()) ?? '', /did not let you in/);
    await sets(ada, 'lobby', false);
  }

  async remove() {
    const { ada, kay } = this;
    await does(ada, kay, 'do-remove');
    await ada.page.getByTestId('remove-confirm').waitFor();
    await this.show(ada, 'remove');
    await ada.page.getByTestId('remove-confirm').click();
    await kay.page.getByTestId('gone').waitFor();
    assert.match((await kay.page.getByTestId('gone').textContent()) ?? '', /vous a exclu/);
    assert.equal(await kay.page.getByTestId('join-again').count(), 0);
    await this.show(kay, 'removed');
    await until('Kay is gone for Ada', async () => (await ada.tileOf('Kay')) === undefined);
    await kay.page.goto(this.link);
    await kay.page.getByTestId('name').fill('Somebody else');
    await kay.page.getByTestId('join').click();
    await kay.page.getByText('vous a exclu').waitFor();
    assert.equal(await kay.page.getByTestId('leave').count(), 0);
  }

  async lock() {
    const { ada, grace, stage } = this;
    await sets(ada, 'lock', true);
    await grace.page.getByTestId('locked').waitFor();
    await this.picture(grace.page, 'locked');
    const late = await stage.person('Late');
    await late.page.goto(this.link);
    await late.page.getByTestId('locked-notice').waitFor();
    await late.page.getByTestId('name').fill('Late');
    await late.page.getByTestId('join').click();
    await late.page.getByText('Ask an organizer to let you in').waitFor();
    await grace.page.reload();
    await grace.joins();
    await until('who was here may come back', () => ada.tileOf('Grace'));
    await sets(ada, 'lock', false);
    await until('the meeting is open', async () => (await grace.page.getByTestId('locked').count()) === 0);
    await late.joins();
  }

  async rules() {
    const { page } = this.ada;
    const open = async () => {
      await page.getByTestId('more').click();
      await page.getByTestId('menu-rules').click();
      await until('the dialog is filled', () => page.getByTestId('rule-most').isEnabled());
    };
    await open();
    await page.getByTestId('rule-most').fill('1');
    await page.getByText('from 2 to').waitFor();
    await page.getByTestId('rule-most').fill('40');
    await page.getByTestId('rule-share').selectOption('organizers');
    await this.show(this.ada, 'rules');
    await page.getByTestId('save-rules').click();
    await page.getByTestId('rule-most').waitFor({ state: 'detached' });
    await open();
    assert.equal(await page.getByTestId('rule-most').inputValue(), '40');
    await page.keyboard.press('Escape');
    await this.grace.page.getByTestId('screen').click();
    await until('Grace is refused', async () => (await toast(this.grace)).includes('Seuls les organisateurs'));
  }

  async end() {
    const { ada, grace } = this;
    await ada.page.getByTestId('more').click();
    await ada.page.getByTestId('end-meeting').click();
    await ada.page.getByTestId('end-confirm').click();
    await grace.page.getByTestId('gone').waitFor();
    await ada.page.getByTestId('join-again').click();
    await ada.joins();
    await ada.page.getByTestId('chat-panel').click();
    await ada.page.getByTestId('chat-log').waitFor();
    assert.equal(await ada.page.getByTestId('chat-message').count(), 0);
    assert.deepEqual([...ada.complaints, ...grace.complaints, ...this.alan.complaints, ...this.kay.complaints], []);
  }
}

async function writes(who, text) {
  await who.page.getByTestId('chat-input').fill(text);
  await who.page.keyboard.press('Enter');
  await until(`${who.name} has sent it`, async () => (await who.page.getByTestId('chat-input').inputValue()) === '');
}

/** Clicks a switch of the panel of people, which shows what the server has done. */
async function sets(organizer, name, on) {
  const box = organizer.page.getByTestId(name);
  await box.click();
  await until(`${name} is ${on ? 'on' : 'off'}`, async () => (await box.isChecked()) === on);
}

function person(viewer, other) {
  return viewer.page.locator(`[data-testid="person"][data-participant="${other.participant}"]`);
}

/** Opens an organizer's menu of somebody in the open panel of people, and clicks. */
async function does(organizer, other, what) {
  const row = person(organizer, other);
  await row.getByTestId('person-actions').click();
  await row.getByTestId(what).click();
}

async function handOn(viewer, other) {
  const tile = viewer.page.locator(`[data-testid="tile"][data-participant="${other.participant}"]`);
  if ((await tile.getByTestId('hand-up').count()) === 0) return 0;
  return Number(await tile.getByTestId('hand-up').textContent());
}

async function isMuted(viewer, other) {
  const tile = viewer.page.locator(`[data-testid="tile"][data-participant="${other.participant}"]`);
  return (await tile.getByTestId('muted').count()) > 0;
}

function pressed(who, button) {
  return who.page.getByTestId(button).first().getAttribute('aria-pressed');
}

async function toast(who) {
  const shown = who.page.getByTestId('toast');
  return (await shown.count()) > 0 ? ((await shown.textContent()) ?? '').trim() : '';
}

async function screenOf(viewer, other) {
  const tile = viewer.page.locator(`[data-testid="screen-tile"][data-participant="${other.participant}"] video`);
  return (await tile.count()) > 0;
}
