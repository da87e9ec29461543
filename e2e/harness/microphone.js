// Files for Chromium's fake microphone.

import { join } from 'node:path';
import { repository } from './places.js';
import { run } from './processes.js';

/**
 * Makes the file that one browser's microphone plays, from recordings of {file, text}.
 * Returns where it lies, the words in it, and where the speech of each recording begins and ends.
 */
export async function microphone(folder, name, recordings, { leadMs = 2000, gapMs = 1500, longestPauseMs = 60_000 } = {}) {
  const file = join(folder, `${name}.wav`);
  const args = ['run', './e2e/wav', '-out', file, '-lead', `${leadMs}ms`, '-gap', `${gapMs}ms`, '-longest-pause', `${longestPauseMs}ms`, ...recordings.map((r) => r.file)];
  const layout = JSON.parse(await run('go', args, { cwd: repository, timeoutMs: 180_000 }));
  return { file, text: recordings.map((r) => r.text).join(' '), ...layout };
}
