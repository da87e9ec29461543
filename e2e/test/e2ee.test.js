// End-to-end encrypted rooms: whoever has the key hears and sees, nobody else does, the server included.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { Gallery } from '../harness/gallery.js';
import { onRealServers, repository } from '../harness/places.js';
import { run, until } from '../harness/processes.js';
import { Figures } from '../harness/report.js';
import { Stage } from '../harness/stage.js';
import { assertAccessible } from '../harness/wcag.js';

const skip = onRealServers && 'nothing of it passes through Kafka or S3';
const id = (name) => `[data-testid="${name}"]`;
const toneHz = 700;

test('end-to-end encryption', { timeout: 300_000, skip }, async (t) => {
  const stage = await Stage.set('e2ee');
  const figures = new Figures('An end-to-end encrypted meeting');
  const gallery = new Gallery(stage);
  const step = (name, body) => stage.step(t, name, body);
  try {
    const beeps = await tone(stage.results);
    const ada = await stage.person('Ada', { microphone: beeps, over: 'loop' });
    const grace = await stage.person('Grace', { microphone: beeps, over: 'loop', locale: 'fr-FR' });
    let link;

    await step('a room is made with its key in the link', async () => {
      await ada.page.goto(stage.server.url);
      await ada.page.check(id('create-encrypted'));
      await gallery.show(ada, 'home-encrypted');
      await ada.page.fill(id('room-name'), 'Council');
      const asked = ada.page.waitForRequest((r) => r.method() === 'POST' && r.url().endsWith('/rooms'));
      await ada.page.click(id('create-room'));
      link = await ada.page.inputValue(id('invite-link'));
      assert.match(link, /#key=[\w-]{43}$/);
      assert.match(await ada.page.inputValue(id('organizer-link')), /#organizer=[\w-]+&key=[\w-]{43}$/);
      assert.equal((await asked).postDataJSON().e2ee, true);
      await ada.page.click(id('enter-created'));
    });

    await step('before joining it is said what that means, and the keys can be compared', async () => {
      await grace.page.goto(link);
      await ada.page.waitForSelector(id('fingerprint'));
      await grace.page.waitForSelector(id('fingerprint'));
      assert.match(await digits(ada), /^(\d{4} ?){4}$/);
      assert.equal(await digits(ada), await digits(grace));
      assert.match(await grace.page.locator(id('ai-notice')).innerText(), /ne peut pas l’entendre/);
      assert.equal(new URL(grace.page.url()).hash, new URL(link).hash, 'the page can be loaded again');
      await gallery.show(grace, 'prejoin-encrypted-fr');
      await ada.page.click(id('encryption-settings'));
      await gallery.show(ada, 'prejoin-encrypted');
    });

    await step('with the same key everybody is heard and seen', async () => {
      await ada.joins();
      await grace.joins();
      await Promise.all([sends(ada), sends(grace)]);
      const on = Date.now();
      await Promise.all([plays(ada, grace), plays(grace, ada), hears(ada, grace), hears(grace, ada)]);
      figures.add('both are heard and seen after', Date.now() - on, 'ms');
      figures.add("frames of Ada's camera in 3 s at Grace", await framesIn(grace, ada, 3_000));
      assert.deepEqual(await unreadable(ada), []);
    });

    await step('there is no AI, and the room says why', async () => {
      assert.equal(await ada.page.locator(id('ai-level')).count(), 0);
      await ada.page.click(id('ai-state'));
      assert.match(await ada.page.locator(id('ai-about')).innerText(), /cannot hear it, so there are no captions/);
      assert.match(await digits(ada), /^(\d{4} ?){4}$/);
      await gallery.picture(ada.page, 'room-encrypted');
      await assertAccessible(ada.page, 'room-encrypted');
      await ada.page.keyboard.press('Escape');
      await ada.page.click(id('cc'));
      assert.match(await ada.page.locator(id('toast')).innerText(), /cannot hear it/);
      assert.equal(await ada.page.locator(id('cc')).getAttribute('aria-pressed'), 'false');
      await ada.page.click(id('transcript-panel'));
      assert.match(await ada.page.locator('[role="log"]').innerText(), /cannot hear it/);
      await ada.page.click(id('transcript-panel'));
      const room = new URL(link).pathname.split('/')[2];
      assert.equal((await ada.asks('PUT', `/rooms/${room}/ai`, { level: 'captions' })).status, 409);
    });

    await step('what the server has is neither the sound nor the picture', async () => {
      const found = await eavesdrop(link, '-e2ee');
      figures.add('packets that a participant without key got', found.audioPackets);
      figures.add('of them with the tone', found.tone);
      assert.ok(found.audioPackets > 100, JSON.stringify(found));
      assert.equal(found.audioSealed, found.audioPackets, 'all sound is sealed');
      assert.ok(found.tone < found.audioPackets / 50, `the tone was heard: ${JSON.stringify(found)}`);
      assert.ok(found.keyFrames > 0, 'the server can still tell key frames');
      assert.equal(found.videoSealed, found.keyFrames, 'all pictures are sealed');
    });

    await step('who is muted is not heard, and is heard again', async () => {
      await ada.turns('mic', false);
      await until('Ada is silent for Grace', async () => !(await speaks(grace, ada)));
      await ada.turns('mic', true);
      await hears(grace, ada);
    });

    await step('a shared screen is seen', async () => {
      await ada.turns('screen', true);
      await plays(grace, ada, 'screen-tile');
      await ada.turns('screen', false);
    });

    const eve = await stage.person('Eve', { microphone: beeps, over: 'loop' });
    await step('with another key nothing is heard or seen, and the tiles say why', async () => {
      const wrong = link.replace(/key=.*/, `key=${'A'.repeat(43)}`);
      await eve.joins(wrong);
      await sends(eve);
      await until('Eve is told of both', async () => (await unreadable(eve)).length === 2);
      await until('both are told of Eve', async () => (await unreadable(ada)).length + (await unreadable(grace)).length === 2);
      await gallery.picture(eve.page, 'room-wrong-key');
      const loudest = await loudestIn(eve, 3_000);
      figures.add('loudest that Eve heard in 3 s', Math.round(1000 * loudest), '‰');
      assert.ok(loudest < 0.001, `Eve hears something: ${loudest}`);
      assert.equal((await decoded(eve)).frames, 0, 'no picture was decoded');
      assert.equal(await speaks(ada, eve), false);
      assert.deepEqual(await unreadable(ada), [eve.participant]);
      await Promise.all([plays(grace, ada), hears(grace, ada)]); // the others notice nothing else
      await eve.leaves();
    });

    await step('a link without its key, or with half of it, leads nowhere', async () => {
      for (const [cut, barrier] of [[link.replace(/#.*/, ''), 'noKey'], [link.slice(0, -3), 'cutKey']]) {
        await visits(eve, cut);
        await eve.page.waitForSelector(`${id('barred')}[data-barrier="${barrier}"]`);
        assert.ok(await eve.page.locator(id('join')).isDisabled());
        await gallery.picture(eve.page, `prejoin-${barrier}`);
      }
    });

    await step('a browser with createEncodedStreams only takes part', async () => {
      const old = await stage.person('Old', { microphone: beeps, over: 'loop' });
      await old.context.addInitScript(() => delete globalThis.RTCRtpScriptTransform);
      await old.joins(link);
      await sends(old);
      await Promise.all([plays(old, ada), plays(ada, old), hears(old, ada), hears(ada, old)]);
      await old.leaves();
    });

    await step('a browser without encoded transforms is told before joining', async () => {
      await eve.context.addInitScript(() => {
        delete globalThis.RTCRtpScriptTransform;
        delete RTCRtpSender.prototype.createEncodedStreams;
      });
      await visits(eve, link);
      await eve.page.waitForSelector(`${id('barred')}[data-barrier="unsupported"]`);
      assert.ok(await eve.page.locator(id('join')).isDisabled());
    });

    await step('an admin sees that the room has no AI', async () => {
      await eve.page.goto(await stage.server.adminLink());
      await until('signed in', async () => !eve.page.url().includes('/link'));
      await eve.page.goto(`${stage.server.url}/admin`);
      await eve.page.waitForSelector(id('room-encrypted'));
      assert.equal(await eve.page.locator(id('room-level')).count(), 0);
      await eve.page.locator(id('room-encrypted')).scrollIntoViewIfNeeded();
      await gallery.show(eve, 'admin-encrypted');
    });

    await step('after the server was killed, everybody is heard and seen again', async () => {
      const sockets = [ada, grace].map((p) => p.page.waitForEvent('websocket', { timeout: 60_000 }));
      await stage.server.killed();
      await Promise.all([stage.server.up(), ...sockets]);
      await until('both are back', async () => (await phases(ada)) + (await phases(grace)) === 0, 60_000);
      await Promise.all([plays(ada, grace), plays(grace, ada), hears(ada, grace), hears(grace, ada)]);
    });

    await step('a page that was loaded again has new keys, which the others open', async () => {
      await grace.page.reload();
      await grace.joins();
      await sends(grace);
      await Promise.all([plays(ada, grace), plays(grace, ada), hears(ada, grace), hears(grace, ada)]);
      assert.deepEqual(await unreadable(ada), []);
    });

    await step('the setting is fixed until the meeting has ended, then the link is of no use', async () => {
      await ada.page.click(id('more'));
      await ada.page.click(id('end-meeting'));
      await ada.page.click(id('end-confirm'));
      await ada.page.click(id('join-again'));
      await ada.page.click(id('encryption-settings'));
      await ada.page.click(id('encryption-off'));
      await ada.page.waitForSelector(id('encryption'), { state: 'detached' });
      assert.equal(new URL(ada.page.url()).hash, '');
      await visits(grace, link);
      await grace.page.waitForSelector(`${id('barred')}[data-barrier="notEncrypted"]`);
      await ada.page.click(id('encryption-on'));
      await ada.page.waitForSelector(id('encryption'));
      assert.match(ada.page.url(), /#key=[\w-]{43}$/);
      assert.ok(!ada.page.url().endsWith(new URL(link).hash), 'a new key');
    });

    await step('without encryption the same ear hears the tone', async () => {
      const open = await stage.server.room('Open', 'off', 'en');
      await grace.joins(open);
      await sends(grace);
      await until('Grace sends', () => speaks(grace, grace));
      const found = await eavesdrop(open);
      assert.ok(found.tone > found.audioPackets / 4 && found.audioPackets > 50, JSON.stringify(found));
      assert.ok(found.audioSealed < found.audioPackets / 4, JSON.stringify(found));
      assert.deepEqual([...ada.complaints, ...grace.complaints, ...eve.complaints], []);
    });
  } finally {
    await stage.clear();
    figures.publish(stage.results);
  }
});

/** A microphone that beeps: a tone without pauses is taken for noise, and filtered. */
async function tone(folder) {
  const rate = 48_000;
  const samples = 4 * rate;
  const wav = Buffer.alloc(44 + 2 * samples);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + 2 * samples, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20); // PCM
  wav.writeUInt16LE(1, 22); // mono
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(2 * rate, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(2 * samples, 40);
  for (let i = 0; i < samples; i++) {
    const on = (i / rate) % 0.8 < 0.5;
    wav.writeInt16LE(on ? Math.round(12_000 * Math.sin((2 * Math.PI * toneHz * i) / rate)) : 0, 44 + 2 * i);
  }
  const file = join(folder, 'beeps.wav');
  await writeFile(file, wav);
  return file;
}

async function eavesdrop(link, ...flags) {
  const args = ['run', './e2e/eavesdrop', '-url', link, '-for', '5s', '-tone', String(toneHz), ...flags];
  return JSON.parse(await run('go', args, { cwd: repository, timeoutMs: 180_000 }));
}

async function digits(person) {
  return (await person.page.locator(id('fingerprint')).first().innerText()).trim();
}

const tileOf = (person, kind = 'tile') => `${id(kind)}[data-participant="${person.participant}"]`;

/** Loads a page, also one that differs in the fragment only. */
async function visits(person, link) {
  await person.page.goto(new URL('/', link).href);
  await person.page.goto(link);
}

/** Opens microphone and camera. */
async function sends(person) {
  await person.turns('mic', true);
  await person.turns('camera', true);
}

/** The frames of `sender` that `viewer` has shown. */
function framesOf(viewer, sender, kind) {
  return viewer.page.evaluate((tile) => {
    const video = document.querySelector(`${tile} video`);
    return video && video.videoWidth > 0 ? video.getVideoPlaybackQuality().totalVideoFrames : 0;
  }, tileOf(sender, kind));
}

function plays(viewer, sender, kind = 'tile') {
  return until(
    `${viewer.name} sees video of ${sender.name} (${kind})`,
    async () => {
      const before = await framesOf(viewer, sender, kind);
      await new Promise((resolve) => setTimeout(resolve, 500));
      return before > 0 && (await framesOf(viewer, sender, kind)) > before;
    },
    30_000,
  );
}

async function framesIn(viewer, sender, ms) {
  const before = await framesOf(viewer, sender);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return (await framesOf(viewer, sender)) - before;
}

/** Whether the sound that `listener` decoded makes `speaker` speak. */
async function speaks(listener, speaker) {
  return (await listener.page.getAttribute(tileOf(speaker), 'data-speaking')) === 'true';
}

function hears(listener, speaker) {
  return until(`${listener.name} hears ${speaker.name}`, () => speaks(listener, speaker), 30_000);
}

/** The participants that cannot be decrypted. */
function unreadable(person) {
  return person.page.$$eval(`${id('tile')}:has(${id('unreadable')})`, (tiles) => tiles.map((t) => t.dataset.participant));
}

/** What all video elements of a page have decoded. */
function decoded(person) {
  return person.page.evaluate(() => {
    const tiles = [...document.querySelectorAll('[data-testid="tile"] video')];
    const foreign = tiles.filter((v) => !v.classList.contains('mirrored'));
    return { frames: foreign.reduce((n, v) => n + v.getVideoPlaybackQuality().totalVideoFrames, 0) };
  });
}

/** The highest level of all sound elements of a page within a time, 0 to 1. */
function loudestIn(person, ms) {
  return person.page.evaluate(async (ms) => {
    const context = new AudioContext();
    const analysers = [...document.querySelectorAll('audio')].map((audio) => {
      const analyser = context.createAnalyser();
      context.createMediaStreamSource(audio.srcObject).connect(analyser);
      return analyser;
    });
    let loudest = 0;
    const samples = new Float32Array(2048);
    for (const end = performance.now() + ms; performance.now() < end; ) {
      for (const a of analysers) {
        a.getFloatTimeDomainData(samples);
        for (const s of samples) loudest = Math.max(loudest, Math.abs(s));
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await context.close();
    return loudest;
  }, ms);
}

/** How many notes of connecting or reconnecting a page shows. */
function phases(person) {
  return person.page.locator(id('phase')).count();
}
