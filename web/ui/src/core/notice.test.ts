// What the server keeps of a consent is the version of the text, so the version must say which text it was.

import { expect, it } from 'vitest';
import { en } from '../i18n/en';
import { fr } from '../i18n/fr';
import { levels } from './level';
import { noticeOf, noticeVersion } from './notice';

/** The texts of each version, as the sum of them in all languages. Never change a line: add one, and raise noticeVersion. */
const published: readonly (readonly [version: string, sha256: string])[] = [
  ['1', '148a841909298d9d0f7d28f0dad5655c774b4b3b609a03fed2d36194a7930707'],
];

/** What Notice.svelte shows, with stand-ins for what comes in. */
async function sum(): Promise<string> {
  const written = [en, fr].flatMap((t) =>
    Object.entries(t.consent).map(([key, v]) => `${key}: ${typeof v === 'function' ? v('{days}') : v}`),
  );
  const also = [en, fr].flatMap((t) => [t.room.optOut, t.room.optOutHint]);
  const bytes = new TextEncoder().encode([...written, ...also].join('\n'));
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  return [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, '0')).join('');
}

it('has another version when its text is another', async () => {
  expect([noticeVersion, await sum()]).toEqual(published.at(-1));
  expect(new Set(published.map(([version]) => version)).size).toBe(published.length);
});

it('names the text, and what it told', () => {
  const notices = levels.map((effectiveLevel) => noticeOf({ effectiveLevel, keepsAudio: false }));
  expect(notices).toEqual(['', '1.captions', '1.transcript', '1.minutes']);
  expect(noticeOf({ effectiveLevel: 'minutes', keepsAudio: true })).toBe('1.minutes+sound');
  expect(noticeVersion).toMatch(/^[0-9a-z-]{1,16}$/); // as the server wants it
});
