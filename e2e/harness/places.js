// Where things lie.

import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
/** The program under test; SOUFFLEUR_BINARY tests another build. */
export const binary = process.env.SOUFFLEUR_BINARY ?? join(repository, 'build/souffleur');
export const images = join(repository, 'docs/images');

/** Whether to run on a real Apache Kafka and a real S3 server. */
export const onRealServers = process.env.SOUFFLEUR_TEST_REAL === '1';
export const wantScreenshots = process.env.SCREENSHOTS === '1';

/** An empty folder for what a test leaves behind. */
export function resultsOf(name) {
  const folder = join(repository, 'e2e/results', onRealServers ? `${name}-real` : name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

const speech = join(repository, 'testdata/speech');
const more = process.env.SOUFFLEUR_SPEECH ?? join(repository, '../shared/audio');
const fleurs = join(more, 'fleurs');

function recording(folder, name) {
  const text = readFileSync(join(folder, `${name}.txt`), 'utf8').trim();
  return { file: join(folder, `${name}.ogg`), text };
}

/** What the first and the second speaker say: read sentences if the optional folder of speech data is there. */
export function speakers() {
  if (!existsSync(fleurs)) return [[recording(speech, 'jfk-1')], [recording(speech, 'jfk-2')]];
  const read = (n) => recording(fleurs, `fleurs-en-00${n}`);
  return [[read(3), read(0)], [read(4), read(2)]];
}

/** Public domain speech, for pictures and wherever the words do not matter. */
export const kennedy = [[recording(speech, 'jfk-1')], [recording(speech, 'jfk-2')]];

/** Two voices at one microphone, who speak twice each: one recording, and another one slowed down, which makes it somebody else. */
export const twoVoices = [0, 1, 0, 1].map((n) => {
  const { file, text } = kennedy[n][0];
  return n === 0 ? { file, text } : { file: `${file}@0.7`, text };
});
