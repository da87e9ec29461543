// People sign in with an identity provider: their name comes along, rooms know them, and they sign out again. French and English.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Gallery } from '../harness/gallery.js';
import { onRealServers, resultsOf } from '../harness/places.js';
import { until } from '../harness/processes.js';
import { Provider } from '../harness/provider.js';
import { Server } from '../harness/server.js';
import { Stage } from '../harness/stage.js';

const skip = onRealServers && 'nothing of it passes through Kafka or S3';

const people = [
  account('ada', { given_name: 'Ada', usual_name: 'Lovelace', email: 'Ada@Example.org' }),
  account('benoit', { given_name: 'Benoît', usual_name: 'Dupré', email: 'benoit@example.org' }),
  account('cleo', { given_name: 'Cléo', usual_name: 'Durand', email: 'cleo@example.org', groups: ['masters'] }),
];

function account(name, claims) {
  return { Subject: `sub-${name}`, Username: name, Password: `pw-${name}`, Claims: claims };
}

test('people sign in with an identity provider', { timeout: 420_000, skip }, async (t) => {
  const results = resultsOf('signin');
  const provider = await Provider.plan(results, people);
  const server = await Server.start(results, provider.env);
  const stage = new Stage(results, server);
  try {
    const story = new Story(stage, provider);
    const step = (name, body) => stage.step(t, name, body);
    await step('while the provider is down guests join, and signing in says what is wrong', () => story.down());
    await step('signing in takes the name over and comes back to the page', () => story.signIn());
    await step('in French', () => story.french());
    await step('what a guest made is theirs after signing in, on any browser', () => story.keeps());
    await step('a room for those who have signed in', () => story.signedInRoom());
    await step('a restricted room takes members and refuses others', () => story.restricted());
    await step('others come in by the lobby, and by an organizer’s word', () => story.lobby());
    await step('the key of an encrypted room survives the sign-in', () => story.key());
    await step('a meeting is shared by address', () => story.share());
    await step('an admin is known by a claim', () => story.admin());
    await step('signing out ends it here and there', () => story.signOut());
    await step('pages asked nobody but the server', () => story.alone());
  } finally {
    await provider.stop();
    await stage.clear();
  }
});

class Story extends Gallery {
  #foreign = [];

  constructor(stage, provider) {
    super(stage);
    this.provider = provider;
    this.url = stage.server.url;
  }

  /** Somebody with a browser, whose pages are watched for what they ask of others. */
  async person(name, options) {
    const person = await this.stage.person(name, options);
    person.page.on('request', (r) => {
      const own = r.url().startsWith(this.url) || /^(data|blob):/.test(r.url());
      const asksByItself = !r.isNavigationRequest() && r.frame().url().startsWith(this.url);
      if (!own && asksByItself) this.#foreign.push(r.url());
    });
    return person;
  }

  /** Types name and password at the provider. */
  async atProvider(person, name) {
    const { page } = person;
    await page.waitForURL(`${this.provider.url}/login/**`);
    await page.fill('[name=username]', name);
    await page.fill('[name=password]', `pw-${name}`);
    await page.click('button');
  }

  async signsIn(person, name, path = '/') {
    await person.page.goto(this.url + path);
    await person.page.getByTestId('header-sign-in').click();
    await this.atProvider(person, name);
    await person.page.waitForURL(this.url + path);
    await person.page.getByTestId('account').waitFor();
  }

  async down() {
    this.ada = await this.person('Ada');
    const { page } = this.ada;
    this.link = await this.ada.createsRoom(this.url, 'Staff');
    await this.ada.joins();
    await this.ada.leaves();
    await page.goto(this.url);
    await page.getByTestId('sign-in').click();
    await page.getByTestId('sign-in-trouble').waitFor();
    assert.match(await page.getByTestId('sign-in-trouble').innerText(), /does not answer/);
    assert.equal(await page.evaluate(() => location.hash), '');
    await this.show(this.ada, 'trouble');
    await this.provider.up(this.stage.server);
    await until('it is asked again', async () => {
      if (page.url().startsWith(this.provider.url)) return true;
      await page.getByTestId('sign-in-again').click();
      await page.waitForLoadState();
      return page.url().startsWith(this.provider.url);
    }, 30_000);
    await page.goto(this.url);
  }

  async signIn() {
    const { page } = this.ada;
    await page.getByTestId('sign-in').waitFor();
    await this.show(this.ada, 'home');
    const room = new URL(this.link).pathname;
    await page.goto(this.link);
    await page.getByTestId('header-sign-in').click();
    await this.atProvider(this.ada, 'ada');
    await page.waitForURL(this.url + room);
    assert.equal(await page.getByTestId('name').inputValue(), 'Ada Lovelace');
    assert.equal(await page.getByTestId('account').innerText(), 'Ada Lovelace');
    await page.getByTestId('account').click();
    assert.match(await page.getByTestId('account-name').innerText(), /ada@example\.org/);
    await this.show(this.ada, 'account');
    await page.keyboard.press('Escape');
    await page.getByTestId('account-name').waitFor({ state: 'hidden' });
    this.ada.name = 'Ada Lovelace';
  }

  async french() {
    this.benoit = await this.person('Benoît Dupré', { locale: 'fr-FR' });
    const { page } = this.benoit;
    await page.goto(this.url);
    assert.equal(await page.getByTestId('sign-in').innerText(), 'Se connecter avec Example Staff');
    await page.getByTestId('sign-in').click();
    await this.atProvider(this.benoit, 'benoit');
    await page.getByTestId('account').click();
    assert.equal(await page.getByTestId('account-sign-out').innerText(), 'Se déconnecter');
    await this.show(this.benoit, 'account-fr');
    await page.keyboard.press('Escape');
  }

  async keeps() {
    const elsewhere = await this.person('Ada elsewhere');
    await this.signsIn(elsewhere, 'ada');
    for (const { page } of [this.ada, elsewhere]) {
      await page.goto(this.url);
      await page.getByTestId('room-entry').filter({ hasText: 'Staff' }).waitFor();
    }
    await elsewhere.page.goto(this.link);
    await elsewhere.goHome();
  }

  /** Opens the rules of the room in its meeting. */
  async rules(change) {
    const { page } = this.ada;
    await page.getByTestId('more').click();
    await page.getByTestId('menu-rules').click();
    await page.getByTestId('rule-access').waitFor();
    await until('the rules are there', () => page.getByTestId('rule-access').isEnabled());
    await change(page);
    await page.getByTestId('save-rules').click();
    await page.getByTestId('rule-access').waitFor({ state: 'detached' });
  }

  async signedInRoom() {
    await this.ada.joins(this.link);
    await this.rules((page) => page.selectOption('[data-testid="rule-access"]', 'signed-in'));
    this.guest = await this.person('Guest');
    const { page } = this.guest;
    await page.goto(this.link);
    await page.getByTestId('entry-card').waitFor();
    assert.match(await page.getByTestId('entry-card').innerText(), /for people who have signed in/);
    await this.show(this.guest, 'sign-in-first');
    const refused = await this.guest.asks('POST', `${room(this.link)}/join`, { name: 'Guest' });
    assert.equal(refused.status, 403, 'the server refuses, not only the page');
    await this.benoit.joins(this.link);
    await this.ada.sees(this.benoit);
    await this.benoit.leaves();
  }

  async restricted() {
    await this.rules(async (page) => {
      await page.selectOption('[data-testid="rule-access"]', 'restricted');
      await page.fill('[data-testid="rule-members"]', 'not an address');
      assert.ok(await page.getByTestId('save-rules').isDisabled());
      await page.fill('[data-testid="rule-members"]', 'BENOIT@example.org');
      await this.picture(page, 'rules');
    });
    await this.benoit.joins(this.link);
    await this.ada.sees(this.benoit);
    await this.benoit.leaves();
    this.cleo = await this.person('Cléo Durand', { locale: 'fr-FR' });
    await this.signsIn(this.cleo, 'cleo');
    // An admin may come in; so Cléo is refused as the guest that she was before.
    this.guest.page.reload();
    await this.guest.page.getByTestId('entry-card').waitFor();
    assert.match(await this.guest.page.getByTestId('entry-card').innerText(), /for its members/);
    const refused = await this.guest.asks('POST', `${room(this.link)}/join`, { name: 'Guest' });
    assert.equal(refused.status, 403);
  }

  async lobby() {
    await this.rules((page) => page.getByTestId('rule-lobby').check());
    const { page } = this.guest;
    await page.reload();
    await page.getByTestId('knock-notice').waitFor();
    await this.show(this.guest, 'knock');
    await page.fill('[data-testid="name"]', 'Guest');
    await page.click('[data-testid="join"]');
    await page.getByTestId('lobby-page').waitFor();
    await this.rules((p) => p.getByTestId('rule-lobby').uncheck());
    await page.waitForTimeout(500);
    assert.equal(await page.getByTestId('leave').count(), 0, 'switching the lobby off lets no outsider in');
    await this.ada.page.getByTestId('people').click();
    await this.ada.page.getByTestId('admit').first().click();
    await page.waitForSelector('[data-testid="leave"]');
    await page.getByTestId('leave').click();
    await this.ada.leaves();
  }

  async key() {
    const { page } = this.guest;
    const key = 'A'.repeat(43);
    await page.goto(`${this.url}/`);
    await page.goto(`${this.link}#key=${key}`);
    await page.getByTestId('entry-card').waitFor();
    await page.getByTestId('sign-in').click();
    await this.atProvider(this.guest, 'benoit');
    await page.waitForURL((u) => u.pathname === new URL(this.link).pathname);
    await until('the key is back', async () => (await page.evaluate(() => location.hash)) === `#key=${key}`);
    assert.equal(await page.evaluate(() => sessionStorage.length), 0, 'the key was left behind');
  }

  async share() {
    const { page } = this.ada;
    const file = { name: 'x.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(exported)) };
    await page.goto(`${this.url}/meetings`);
    await page.getByTestId('import').click();
    await page.getByTestId('import-file').setInputFiles(file);
    await page.getByTestId('import-send').click();
    await page.waitForURL(`**/m/${exported.meeting}`);
    await this.benoit.page.goto(`${this.url}/m/${exported.meeting}`);
    await this.benoit.page.getByRole('alert').waitFor();
    await page.getByTestId('share-meeting').click();
    await page.getByTestId('share-addresses').fill('benoit');
    await page.getByTestId('share-add').click();
    await page.getByRole('alert').filter({ hasText: 'no e-mail address' }).waitFor();
    await page.getByTestId('share-addresses').fill('benoit@example.org');
    await page.getByTestId('share-add').click();
    await page.getByTestId('share').filter({ hasText: 'benoit@example.org' }).waitFor();
    await this.show(this.ada, 'sharing');

    const reader = this.benoit.page;
    await reader.goto(`${this.url}/meetings`);
    await reader.getByTestId('shared').filter({ hasText: 'partagée avec vous' }).waitFor();
    await this.show(this.benoit, 'shared-with-me');
    await reader.getByTestId('meeting-entry').first().click();
    await reader.getByTestId('transcript-row').first().waitFor();
    for (const gone of ['correct', 'delete-meeting', 'share-meeting']) assert.equal(await reader.getByTestId(gone).count(), 0, gone);
    await this.show(this.benoit, 'shared-transcript');
    await page.getByTestId('share-withdraw').click();
    await page.getByTestId('share').waitFor({ state: 'detached' });
    await reader.reload();
    await reader.getByRole('alert').waitFor();
    assert.equal(await reader.getByTestId('transcript-row').count(), 0);
  }

  async admin() {
    const { page } = this.cleo;
    await page.goto(`${this.url}/admin`);
    await page.getByTestId('instance-ceiling').waitFor();
    const { page: other } = this.ada;
    await other.goto(`${this.url}/admin`);
    assert.equal(await other.getByTestId('instance-ceiling').count(), 0);
  }

  async signOut() {
    const { page } = this.ada;
    const asked = [];
    page.on('request', (r) => r.isNavigationRequest() && asked.push(r.url()));
    await page.goto(this.url);
    await page.getByTestId('account').click();
    await page.getByTestId('account-sign-out').click();
    await page.getByTestId('sign-in').waitFor();
    assert.ok(asked.some((u) => u.startsWith(`${this.provider.url}/end_session`)), `the provider was told: ${asked}`);
    assert.equal(new URL(page.url()).origin, this.url);
    assert.equal(await page.getByTestId('account').count(), 0);
    assert.equal(await page.getByTestId('room-entry').count(), 0);
    await page.goto(this.link);
    await page.getByTestId('entry-card').waitFor();
    const left = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage]));
    assert.doesNotMatch(left, /Lovelace/, 'the browser still knows the name');
  }

  async alone() {
    assert.deepEqual(this.#foreign, []);
    for (const person of [this.ada, this.benoit, this.guest, this.cleo]) assert.deepEqual(person.complaints, [], person.name);
  }
}

const room = (link) => `/rooms/${new URL(link).pathname.split('/').pop()}`;

/** A transcript as another installation exported it. */
const exported = {
  v: 1,
  meeting: '01HF7YAT00EXAMP0ETRANSCR02',
  room_name: 'Staff',
  began_unix_ms: 1_700_000_000_000,
  ended_unix_ms: 1_700_000_600_000,
  people: [{ participant: 'p1', person: 'u1', name: 'Ada', role: 'organizer', joined_ms: 0, order: 0 }],
  langs: ['en'],
  segments: [
    { v: 1, seg: 's1', rev: 1000, spk: 'p1', t0: 1_000, t1: 4_000, lang: 'en', text: 'Good morning, everybody.', final: true, level: 'transcript', quality: 'full', conf: 0.8 },
  ],
  rev: 1,
  edit_rev: 0,
  final: true,
};
