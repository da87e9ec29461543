// Devices before and during a meeting: tried, unplugged, chosen anew by the system, refused.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Gallery } from '../harness/gallery.js';
import { onRealServers } from '../harness/places.js';
import { until } from '../harness/processes.js';
import { Stage } from '../harness/stage.js';

const skip = onRealServers && 'devices do not depend on Kafka and S3';

test('devices come and go', { timeout: 120_000, skip }, async (t) => {
  const stage = await Stage.set('devices');
  try {
    const story = new Story(stage);
    const step = (name, body) => stage.step(t, name, body);
    await step('before joining, the speakers are tried', () => story.tries());
    await step('a refused microphone says where to allow it', () => story.refused());
    await step('an unplugged microphone is replaced, and that is said', () => story.unplugged());
    await step('the system’s new choice is followed', () => story.chosenAnew());
    await step('without any other the microphone is off, and that is said', () => story.none());
  } finally {
    await stage.clear();
  }
});

/** In the page: keeps what was opened, and lets the test refuse or replace devices. */
function control() {
  const devices = { open: [], refuse: '', list: undefined };
  globalThis.testDevices = devices;
  const media = MediaDevices.prototype;
  const { getUserMedia, enumerateDevices } = media;
  media.getUserMedia = async function (wanted) {
    if (devices.refuse) throw new DOMException('refused', devices.refuse);
    const stream = await getUserMedia.call(this, wanted);
    devices.open.push(...stream.getTracks());
    return stream;
  };
  media.enumerateDevices = async function () {
    return devices.list ?? enumerateDevices.call(this);
  };
}

class Story extends Gallery {
  async tries() {
    this.ada = await this.stage.person('Ada');
    this.page = this.ada.page;
    await this.ada.context.addInitScript(control);
    this.link = await this.ada.createsRoom(this.stage.server.url, 'Devices');
    await this.page.fill('[data-testid="name"]', 'Ada');
    await this.page.locator('summary', { hasText: 'Devices' }).click();
    const button = this.page.getByTestId('try-speakers');
    await button.click();
    await until('a sound is played', async () => (await button.getAttribute('aria-busy')) === 'true');
    await this.show(this.ada, 'prejoin-devices');
    await until('it ends', async () => (await button.getAttribute('aria-busy')) === 'false');
    assert.equal(await this.page.getByRole('alert').count(), 0);
  }

  async refused() {
    await this.page.evaluate(() => (testDevices.refuse = 'NotAllowedError'));
    await this.page.getByTestId('mic').click();
    const trouble = this.page.getByTestId('device-trouble');
    await trouble.waitFor();
    assert.match(await trouble.textContent(), /does not allow the microphone\..*icon at the left of the address/s);
    await this.picture(this.page, 'refused');
    await this.page.evaluate(() => (testDevices.refuse = ''));
  }

  async unplugged() {
    await this.ada.joins();
    await this.ada.turns('mic', true);
    await this.#unplug();
    await this.#told(/^Your microphone is now: /);
    assert.equal(await this.#micIsOn(), true, 'the microphone is on with another device');
    const live = await this.page.evaluate(() => testDevices.open.filter((t) => t.readyState === 'live').length);
    assert.equal(live, 1, 'one microphone is open');
  }

  async chosenAnew() {
    const before = await this.page.evaluate(() => testDevices.open.length);
    await this.page.evaluate(() => {
      const track = testDevices.open.at(-1);
      const device = (deviceId, groupId) => ({ kind: 'audioinput', deviceId, groupId, label: deviceId });
      // The same system choice as now: nothing happens. Then another.
      testDevices.list = [device('default', track.getSettings().groupId)];
      navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
    });
    await this.page.waitForTimeout(1_000);
    assert.equal(await this.page.evaluate(() => testDevices.open.length), before, 'a device was opened for nothing');
    await this.page.evaluate(() => {
      testDevices.list = testDevices.list.map((d) => ({ ...d, groupId: 'another' }));
      navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
    });
    await until('it is opened anew', () => this.page.evaluate((n) => testDevices.open.length > n, before));
    await until('the microphone is on', () => this.#micIsOn());
    await this.page.evaluate(() => (testDevices.list = undefined));
  }

  async none() {
    await this.page.evaluate(() => (testDevices.refuse = 'NotFoundError'));
    await this.#unplug();
    await this.#told(/^No microphone was found/);
    assert.equal(await this.#micIsOn(), false, 'the button says that nothing is heard');
    assert.deepEqual(this.ada.complaints, []);
  }

  /** What the browser does when a device is pulled out: its track ends by itself. */
  #unplug() {
    return this.page.evaluate(() => {
      const track = testDevices.open.filter((t) => t.kind === 'audio').at(-1);
      track.stop();
      track.dispatchEvent(new Event('ended'));
    });
  }

  async #told(sentence) {
    await until(`the page says ${sentence}`, async () => sentence.test((await this.page.getByTestId('toast').textContent().catch(() => '')).trim()));
  }

  async #micIsOn() {
    return (await this.page.getByTestId('mic').getAttribute('aria-pressed')) === 'true';
  }
}
