import { describe, expect, it } from 'vitest';
import { parseCaption, parseServer } from './signal';

const caption = { v: 1, seg: 's1', rev: 3, spk: 'p1', t0: 0, t1: 900, lang: 'en', text: 'hi', stable: 2, final: false };
const peer = {
  participant: 'p1',
  name: 'Ada',
  role: 'participant',
  order: 0,
  sources: [],
  opt_out: false,
  captioner: false,
  present: true,
};

describe('parseServer', () => {
  it.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['no type', '{}'],
    ['an unknown type', '{"type":"party"}'],
    ['an offer without sdp', '{"type":"offer"}'],
    ['a candidate of no connection', '{"type":"candidate","pc":"side","candidate":{"candidate":""}}'],
    ['an unknown level', '{"type":"ai","ai":{"policy":{"level":"all","ceiling":"off"},"status":{"state":"off"}}}'],
    ['an unknown source', JSON.stringify({ type: 'joined', peer: { ...peer, sources: ['radar'] } })],
    ['an empty participant', JSON.stringify({ type: 'joined', peer: { ...peer, participant: '' } })],
    ['too many slots', JSON.stringify({ type: 'slot', slots: Array(600).fill({ mid: '0', kind: 'audio' }) })],
    ['an unknown load', '{"type":"load","load":{"state":"panic"}}'],
    ['layers of an unknown source', '{"type":"layers","source":"radar","layers":["q"]}'],
    ['a reaction that there is not', '{"type":"reaction","participant":"p1","emoji":"💩"}'],
    ['a reaction of nobody', '{"type":"reaction","participant":"","emoji":"👍"}'],
    ['a prototype in disguise', '{"type":"__proto__"}'],
  ])('refuses %s', (_, frame) => {
    expect(() => parseServer(frame)).toThrow();
  });

  it('reads lists that Go left out as empty', () => {
    expect(parseServer(JSON.stringify({ type: 'joined', peer: { ...peer, sources: null } }))).toMatchObject({
      peer: { sources: [] },
    });
  });

  it('reads layers without a list as none', () => {
    expect(parseServer('{"type":"layers","source":"camera"}')).toEqual({
      type: 'layers',
      source: 'camera',
      layers: [],
    });
  });

  it('takes a slot that is paused for a reason it does not know as flowing', () => {
    const slot = { mid: '3', kind: 'video', participant: 'p1', source: 'camera' };
    expect(parseServer(JSON.stringify({ type: 'slot', slots: [{ ...slot, paused: 'mood' }] }))).toMatchObject({
      slots: [slot],
    });
  });

  it('ignores fields of a newer server', () => {
    expect(parseServer('{"type":"pong","mood":"fine"}')).toEqual({ type: 'pong' });
  });
});

describe('parseCaption', () => {
  it('reads a caption', () => {
    expect(parseCaption(JSON.stringify(caption))).toMatchObject({ seg: 's1', text: 'hi', final: false });
  });

  it.each([
    ['of another version', { ...caption, v: 2 }],
    ['without a segment', { ...caption, seg: '' }],
    ['with a revision that is no number', { ...caption, rev: '3' }],
    ['with a broken time', { ...caption, t0: 0.5 }],
    ['of unbounded length', { ...caption, text: 'x'.repeat(10_000) }],
  ])('refuses one %s', (_, c) => {
    expect(() => parseCaption(JSON.stringify(c))).toThrow();
  });
});
