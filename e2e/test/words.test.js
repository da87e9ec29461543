// The measures of the browser test measure what they say.

import assert from 'node:assert/strict';
import test from 'node:test';
import { CaptionLog } from '../harness/captionlog.js';
import { readers } from '../harness/exports.js';
import { strayWords, wordErrorRate } from '../harness/words.js';

test('word error rate counts wrong, missing and added words, and neither case nor punctuation', () => {
  assert.equal(wordErrorRate('ask not what your country', 'Ask not, what your country!'), 0);
  assert.equal(wordErrorRate('ask not what your country', 'ask what my country does'), 3 / 5);
  assert.equal(wordErrorRate('lag behind by twenty years', 'lag behind by 20 years'), 0);
});

test('a word that only the other speaker says is a stray word', () => {
  assert.deepEqual(strayWords('the dinosaurs can fly', 'the cabbage can', 'dinosaurs can fly'), ['dinosaurs']);
});

test('a caption log finds refined segments and setbacks', () => {
  const state = (rev, final = false) => ({ at: rev, seg: 'a', rev, final, text: `${rev}` });
  const log = (...screen) => new CaptionLog({ wire: [], screen, microphones: [] });
  assert.deepEqual(log(state(1), state(2), state(3, true)).refined(), ['a']);
  assert.deepEqual(log(state(1), state(3, true)).refined(), []);
  assert.equal(log(state(2), state(1)).setbacks().length, 1);
  assert.equal(log(state(2), state(2, true), state(3)).setbacks().length, 1);
  assert.equal(log(state(1), state(2), state(2, true), state(3, true)).setbacks().length, 0);
});

test('readers of downloads refuse broken files', () => {
  assert.throws(() => readers.vtt('00:00.000 --> 00:01.000\nno head'));
  assert.throws(() => readers.srt('2\n00:00:00,000 --> 00:00:01,000\nwrong number'));
  assert.deepEqual(readers.vtt('WEBVTT\n\n00:01.000 --> 00:02.500\n<v Ada>Tea &amp; cake'), [
    { t0: 1000, t1: 2500, text: 'Tea & cake' },
  ]);
});
