// Cameras, screens and what a tile says about its microphone.

import assert from 'node:assert/strict';
import test from 'node:test';
import { framesIn, plays, videoOf } from '../harness/pictures.js';
import { onRealServers } from '../harness/places.js';
import { until } from '../harness/processes.js';
import { Figures } from '../harness/report.js';
import { Stage } from '../harness/stage.js';

const skip = onRealServers && 'nothing of it passes through Kafka or S3';

test('video between two people', { timeout: 150_000, skip }, async (t) => {
  const stage = await Stage.set('video');
  const figures = new Figures('Video between two browsers');
  try {
    const link = await stage.server.room('Video', 'off', 'en');
    const [ada, grace] = [await stage.person('Ada'), await stage.person('Grace')];
    await ada.joins(link);
    await grace.joins(link);
    await Promise.all([ada.sees(grace), grace.sees(ada)]);
    const step = (name, body) => stage.step(t, name, body);

    await step('cameras are seen by the other', async () => {
      const on = Date.now();
      await Promise.all([ada.turns('camera', true), grace.turns('camera', true)]);
      await Promise.all([plays(ada, grace), plays(grace, ada)]);
      figures.add('both cameras play', Date.now() - on, 'ms');
      figures.add("frames of Ada's camera in 3 s at Grace", await framesIn(grace, ada, 'tile', 3_000));
    });
    await step('a camera that is off is off for the other', async () => {
      await ada.turns('camera', false);
      await until('no video of Ada', async () => (await videoOf(grace, ada)).width === 0);
    });
    await step('a tile shows who is muted', async () => {
      await until('Ada is muted for Grace', () => muted(grace, ada));
      await ada.turns('mic', true);
      await until('Ada is heard by Grace', async () => !(await muted(grace, ada)));
      await ada.turns('mic', false);
      await until('Ada is muted again', () => muted(grace, ada));
    });
    await step('a shared screen is seen by the other, until it ends', async () => {
      await ada.turns('screen', true);
      await plays(grace, ada, { tile: 'screen-tile' });
      await ada.turns('screen', false);
      await until('the screen is gone', async () => (await videoOf(grace, ada, 'screen-tile')).width === 0);
    });
    await step('who leaves is gone for the other', async () => {
      await grace.leaves();
      await until('Grace has left', async () => (await ada.tileOf('Grace')) === undefined);
      assert.deepEqual([...ada.complaints, ...grace.complaints], []);
    });
  } finally {
    await stage.clear();
    figures.publish(stage.results);
  }
});

async function muted(viewer, sender) {
  const tile = viewer.page.locator(`[data-testid="tile"][data-participant="${sender.participant}"]`);
  return (await tile.getByTestId('muted').count()) > 0;
}
