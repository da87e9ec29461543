// What administrators do: limit the AI while people talk, have other programs told, make tokens, read the audit. In French and
// English, on both sizes, also by keyboard.

import assert from 'node:assert/strict';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import test from 'node:test';
import { Gallery } from '../harness/gallery.js';
import { onRealServers } from '../harness/places.js';
import { until } from '../harness/processes.js';
import { Stage } from '../harness/stage.js';
import { assertAccessible } from '../harness/wcag.js';

const skip = onRealServers && 'pages do not depend on Kafka and S3';

test('administrators run the installation', { timeout: 300_000, skip }, async (t) => {
  const stage = await Stage.set('admin', { SOUFFLEUR_WEBHOOK_PRIVATE: 'true' });
  const receiver = await Receiver.open();
  try {
    const story = new Story(stage, receiver);
    const step = (name, body) => stage.step(t, name, body);
    await step('an admin signs in, and finds a room', () => story.rooms());
    await step('a receiver is told what happens, and the log shows it', () => story.webhook());
    await step('a ceiling is set while people talk, who are told', () => story.ceiling());
    await step('a delivery is sent again, the secret is replaced, the webhook stops and goes on', () => story.again());
    await step('a token is made, used and revoked', () => story.token());
    await step('all of it is in the audit', () => story.audit());
    await step('capacity, retention and models', () => story.more());
    await step('in both languages and themes, and with the keyboard alone', () => story.looks());
  } finally {
    await stage.clear();
    await receiver.close();
  }
});

/** A program of somebody else, which takes note of what it is told. */
class Receiver {
  static async open() {
    const receiver = new Receiver();
    receiver.server.listen(0, '127.0.0.1');
    await once(receiver.server, 'listening');
    receiver.url = `http://127.0.0.1:${receiver.server.address().port}/souffleur`;
    return receiver;
  }

  constructor() {
    this.calls = [];
    this.server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      this.calls.push({ headers: request.headers, body });
      response.writeHead(204).end();
    });
  }

  /** The first call of this type that came after `since` others. */
  told(type, since = 0) {
    return until(`${type} is told`, () => this.calls.slice(since).find((c) => JSON.parse(c.body).type === type), 30_000);
  }

  async close() {
    this.server.close();
    await once(this.server, 'close');
  }
}

/** As docs/webhooks.md tells those who write receivers. */
function verified({ headers, body }, secret) {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const want = createHmac('sha256', key).update(signed).digest();
  const fresh = Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp'])) < 300;
  return fresh && headers['webhook-signature'].split(' ').some((s) => {
    const got = Buffer.from(s.replace(/^v1,/, ''), 'base64');
    return got.length === want.length && timingSafeEqual(got, want);
  });
}

class Story extends Gallery {
  constructor(stage, receiver) {
    super(stage);
    this.receiver = receiver;
  }

  get url() {
    return this.stage.server.url;
  }

  async rooms() {
    const { stage } = this;
    this.ada = await stage.person('Ada');
    this.root = await stage.person('Root');
    const { page } = this.root;
    await this.ada.createsRoom(this.url, 'Réunion du mardi');
    this.link = this.ada.page.url();
    await stage.server.room('Thursday', 'off', 'en');
    await page.goto(await stage.server.adminLink());
    await until('signed in', async () => !page.url().includes('/link'));
    await page.goto(`${this.url}/admin`);
    await page.getByTestId('admin-room').nth(1).waitFor();
    await page.getByTestId('find-room').fill('reunion');
    await until('one room is found', async () => (await page.getByTestId('admin-room').count()) === 1);
    this.room = await page.getByTestId('admin-room').getAttribute('data-room');
    assert.match(this.link, new RegExp(this.room));
    await this.show(this.root, 'rooms');
    const stranger = await this.ada.asks('GET', '/webhooks');
    assert.equal(stranger.status, 403);
  }

  async webhook() {
    const { page } = this.root;
    const { receiver } = this;
    await page.getByTestId('admin-webhooks').click();
    await page.getByTestId('webhook-url').fill(`${receiver.url}#x`);
    await page.getByTestId('create-webhook').click();
    await page.getByText('have neither a user nor a fragment').waitFor();
    await page.getByTestId('webhook-url').fill(receiver.url);
    await page.getByTestId('create-webhook').click();
    this.secret = await page.getByTestId('webhook-secret').inputValue();
    assert.match(this.secret, /^whsec_/);
    await this.show(this.root, 'webhook-secret');
    await page.keyboard.press('Escape');
    await page.getByTestId('webhook-test').click();
    assert.ok(verified(await receiver.told('webhook.test'), this.secret), 'the test is signed');
    await this.ada.joins();
    const joined = await receiver.told('participant.joined');
    assert.ok(verified(joined, this.secret), 'the news is signed');
    assert.equal(JSON.parse(joined.body).data.room, this.room);
    assert.ok(!/Ada|mardi/.test(receiver.calls.map((c) => c.body).join()), 'no names are told');
    await until('the log has it', async () => {
      await page.getByTestId('refresh-log').click();
      return (await page.locator('[data-testid="delivery"][data-event="participant.joined"][data-state="delivered"]').count()) === 1;
    });
    await page.getByTestId('delivery').first().locator('summary').click();
    await this.show(this.root, 'webhooks');
  }

  async ceiling() {
    const { ada, root, receiver } = this;
    await ada.setsLevel('transcript');
    await until('transcript', async () => (await ada.level()) === 'transcript');
    await receiver.told('policy.changed');
    const since = receiver.calls.length;
    await root.page.getByTestId('admin-rooms').click();
    const row = root.page.locator(`[data-testid="admin-room"][data-room="${this.room}"]`);
    await row.getByTestId('room-ceiling').selectOption('captions');
    await until('the room is told', async () => (await ada.level()) === 'captions');
    const told = await ada.page.getByTestId('ai-banner').textContent();
    assert.match(told ?? '', /Admin/);
    const policy = JSON.parse((await receiver.told('policy.changed', since)).body).data.policy;
    assert.equal(policy.level, 'captions');
    await row.getByTestId('capped').waitFor();
    await this.show(root, 'rooms-live');
    await row.getByTestId('room-ceiling').selectOption('inherit');
    await until('as the server again', async () => (await ada.level()) === 'transcript');
    await ada.setsLevel('off');
    await until('off', async () => (await ada.level()) === 'off');
  }

  async again() {
    const { page } = this.root;
    const { receiver } = this;
    await page.getByTestId('admin-webhooks').click();
    await page.getByTestId('webhook-log').click();
    const since = receiver.calls.length;
    const joined = page.locator('[data-testid="delivery"][data-event="participant.joined"]');
    await joined.getByTestId('replay').click();
    const first = receiver.calls.find((c) => JSON.parse(c.body).type === 'participant.joined');
    const second = await receiver.told('participant.joined', since);
    assert.equal(second.headers['webhook-id'], first.headers['webhook-id']);
    await page.getByTestId('webhook-rotate').click();
    await page.getByTestId('webhook-rotate-confirm').click();
    const fresh = await page.getByTestId('webhook-secret').inputValue();
    assert.notEqual(fresh, this.secret);
    await page.keyboard.press('Escape');
    const before = receiver.calls.length;
    await page.getByTestId('webhook-test').click();
    const test = await receiver.told('webhook.test', before);
    assert.ok(verified(test, fresh) && verified(test, this.secret), 'both secrets sign');
    await page.getByTestId('webhook-pause').click();
    await until('paused', async () => ((await page.getByTestId('webhook-state').textContent()) ?? '').includes('paused'));
    await page.getByTestId('webhook-pause').click();
    await until('works', async () => (await page.getByTestId('webhook-state').textContent()) === 'works');
  }

  async token() {
    const { page } = this.root;
    await page.getByTestId('admin-tokens').click();
    await page.getByTestId('token-name').fill('Calendar');
    await page.getByTestId('token-days').fill('x');
    await page.getByText('Write a whole number of days').waitFor();
    await page.getByTestId('token-days').fill('30');
    await page.getByTestId('create-token').click();
    const secret = await page.getByTestId('token-secret').inputValue();
    await page.keyboard.press('Escape');
    await this.show(this.root, 'tokens');
    const ask = (method, path, body) =>
      fetch(`${this.url}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: body && JSON.stringify(body),
      });
    assert.equal((await ask('GET', '/status')).status, 200);
    const refused = await ask('PATCH', '/instance', { ceiling: 'off' });
    assert.equal(refused.status, 403);
    assert.match((await refused.json()).detail, /may only read/);
    await page.getByTestId('revoke-token').click();
    await page.getByTestId('revoke-confirm').click();
    await until('it is gone', async () => (await page.getByTestId('token').count()) === 0);
    assert.equal((await ask('GET', '/status')).status, 401);
  }

  async audit() {
    const { page } = this.root;
    const entries = async () => (await page.getByTestId('audit-entry').allTextContents()).join('\n');
    await page.getByTestId('admin-audit').click();
    await page.getByTestId('audit-entry').first().waitFor();
    const all = await entries();
    for (const action of ['token.create.read', 'token.revoke', 'webhook.create', 'webhook.replay', 'ai.ceiling.captions']) {
      assert.ok(all.includes(action), `${action} is missing in ${all}`);
    }
    await this.show(this.root, 'audit');
    await page.getByTestId('audit-action').fill('token');
    await page.getByTestId('audit-action').press('Enter');
    await until('two entries', async () => (await page.getByTestId('audit-entry').count()) === 2);
    assert.ok((await entries()).includes('token.revoke'));
    await page.getByTestId('audit-object').fill(`rooms/${this.room}`);
    await page.getByTestId('audit-show').click();
    await page.getByText('Nothing like this is in the audit.').waitFor();
    await page.getByTestId('audit-clear').click();
    await until('everything', async () => (await page.getByTestId('audit-entry').count()) > 5);
  }

  async more() {
    const { page } = this.root;
    await page.getByTestId('admin-capacity').click();
    await page.getByTestId('live-room').waitFor();
    await page.getByTestId('capacity-speakers').waitFor();
    await this.show(this.root, 'capacity');
    await this.ada.leaves();
    await page.getByTestId('admin-retention').click();
    await page.getByTestId('instance-retention').waitFor();
    await this.show(this.root, 'retention');
    await page.getByTestId('admin-models').click();
    await page.getByTestId('model').first().waitFor();
    assert.match((await page.getByTestId('model').allTextContents()).join(), /whisper-base\s+installed and verified/);
    await this.show(this.root, 'models');
  }

  async looks() {
    const { page } = this.root;
    for (const [locale, colorScheme] of [['en', 'dark'], ['fr', 'light'], ['fr', 'dark']]) {
      await page.emulateMedia({ colorScheme });
      await page.getByTestId('language').selectOption(locale);
      for (const name of ['rooms', 'capacity', 'audit', 'retention', 'models', 'webhooks', 'tokens']) {
        await page.goto(`${this.url}/admin/${name}`);
        await page.locator('main h2').first().waitFor();
        await page.waitForTimeout(500); // what is fetched after the page
        await this.picture(page, `${name}-${locale}-${colorScheme}`);
        await assertAccessible(page, `${name}, ${locale}, ${colorScheme}`);
      }
    }
    const link = page.getByTestId('admin-rooms');
    await link.focus();
    await page.keyboard.press('Enter');
    await page.getByTestId('admin-room').first().waitFor();
    assert.equal(await link.getAttribute('aria-current'), 'page');
    await until('the reader goes on at the content', () => page.evaluate(() => document.activeElement?.id === 'content'));
    for (let i = 0; i < 40 && (await focused(page)) !== 'find-room'; i++) await page.keyboard.press('Tab');
    assert.equal(await focused(page), 'find-room', 'the filter is reached by Tab');
    await page.keyboard.type('thursday');
    await until('one room', async () => (await page.getByTestId('admin-room').count()) === 1);
    for (let i = 0; i < 10 && (await focused(page)) !== 'room-ceiling'; i++) await page.keyboard.press('Tab');
    await page.keyboard.press('End');
    const ceiling = page.getByTestId('room-ceiling');
    await until('the ceiling is set by keyboard', async () => (await ceiling.inputValue()) === 'minutes');
    assert.deepEqual([...this.root.complaints, ...this.ada.complaints], []);
  }
}

function focused(page) {
  return page.evaluate(() => document.activeElement?.getAttribute('data-testid') ?? '');
}
