// Chromium processes with fake devices. Chromium takes one microphone file per process, so every person has a browser.

import { chromium } from 'playwright-core';
import { connections } from './pictures.js';
import { recorder } from './recorder.js';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

const quiet = [
  '--mute-audio',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
  '--disable-renderer-backgrounding',
];

/**
 * Starts a browser whose microphone plays `microphone` (a WAV file; it starts at each capture) once or over and over, and
 * whose camera plays `camera` (a Y4M or MJPEG file; without one, Chromium's test picture).
 */
export async function openBrowser({ microphone, over = 'once', camera, locale = 'en-GB', viewport = desktop } = {}) {
  const args = [
    ...quiet,
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    '--autoplay-policy=no-user-gesture-required',
    '--allow-loopback-in-peer-connection',
    '--auto-accept-this-tab-capture',
    '--auto-select-desktop-capture-source=Entire screen',
  ];
  if (process.getuid?.() === 0) args.push('--no-sandbox');
  if (microphone) args.push(`--use-file-for-fake-audio-capture=${microphone}${over === 'once' ? '%noloop' : ''}`);
  if (camera) args.push(`--use-file-for-fake-video-capture=${camera}`);
  const browser = await chromium.launch({ executablePath, args, headless: true });
  const context = await browser.newContext({ locale, viewport });
  await context.addInitScript(recorder);
  await context.addInitScript(connections);
  context.setDefaultTimeout(15_000);
  return { browser, context, page: await context.newPage(), close: () => browser.close() };
}

export const desktop = { width: 1280, height: 800 };
export const phone = { width: 360, height: 740 };
