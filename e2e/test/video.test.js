// Cameras, screens and what a tile says about its microphone.

import assert from 'node:assert/strict';
import test from 'node:test';
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
      await Promise.all([plays(ada, grace, 'tile'), plays(grace, ada, 'tile')]);
      figures.add('both cameras play', Date.now() - on, 'ms');
      figures.add("frames of Ada's camera in 3 s at Grace", await framesIn(grace, ada, 'tile', 3_000));
    });
    await step('a camera that is off is off for the other', async () => {
      await ada.turns('camera', false);
      await until('no video of Ada', async () => (await videoOf(grace, ada, 'tile')).width === 0);
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
      await plays(grace, ada, 'screen-tile');
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

/** The picture that `viewer` has of `sender`: its width and the frames shown so far; zeros without one. */
function videoOf(viewer, sender, tile) {
  return viewer.page.evaluate(
    ([participant, tile]) => {
      const video = document.querySelector(`[data-testid="${tile}"][data-participant="${participant}"] video`);
      const live = video?.srcObject?.getVideoTracks().some((t) => t.readyState === 'live' && !t.muted);
      if (!video || !live || video.getClientRects().length === 0) return { width: 0, frames: 0 };
      return { width: video.videoWidth, frames: video.getVideoPlaybackQuality().totalVideoFrames };
    },
    [sender.participant, tile],
  );
}

function plays(viewer, sender, tile) {
  return until(`${viewer.name} sees video of ${sender.name} (${tile})`, async () => {
    const { width, frames } = await videoOf(viewer, sender, tile);
    return width > 0 && frames > 10;
  }, 20_000);
}

async function framesIn(viewer, sender, tile, ms) {
  const { frames } = await videoOf(viewer, sender, tile);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return (await videoOf(viewer, sender, tile)).frames - frames;
}

async function muted(viewer, sender) {
  const tile = viewer.page.locator(`[data-testid="tile"][data-participant="${sender.participant}"]`);
  return (await tile.getByTestId('muted').count()) > 0;
}
