import { describe, expect, it } from 'vitest';
import { ApiError } from './api';
import { readTranscript, type Edited, type Transcript, type TranscriptEdit } from './transcripts';
import { EditConflict, isRenamed, make, nameOf, speakersOf, undoOf, voicesFor, valueOf } from './edits';

const segment = (seg: string, text: string, spk = 'p1') => ({
  seg,
  spk,
  t0: 0,
  t1: 1,
  lang: 'fr',
  text,
  quality: 'full',
});

const first = readTranscript(
  {
    people: [
      { participant: 'p1', name: 'Anna', order: 0 },
      { participant: 'p2', name: 'Bob', order: 1 },
    ],
    names: [],
    segments: [segment('a', 'Bonjou'), segment('b', 'Oui', 'p2'), segment('c', 'Non', 'p2/voice-2')],
    final: true,
  },
  '"1.0"',
);

/** A server that keeps a transcript, and lets others change it before an edit arrives. */
class Server {
  now: Transcript = first;
  edits: [etag: string, edit: TranscriptEdit][] = [];
  before: (() => void)[] = [];

  put(seg: string, text: string): void {
    const rev = Number(this.now.etag.slice(3, -1)) + 1;
    const segments = this.now.segments.map((s) => (s.seg === seg ? { ...s, text } : s));
    this.now = { ...this.now, segments, etag: `"1.${rev}"` };
  }

  transcript = (): Promise<Transcript> => Promise.resolve(this.now);

  editTranscript = (_: string, etag: string, edit: TranscriptEdit): Promise<Edited> => {
    this.edits.push([etag, edit]);
    this.before.shift()?.();
    if (etag !== this.now.etag) return Promise.reject(new ApiError(412, 'edited-meanwhile', ''));
    for (const { seg, text } of edit.segments ?? []) this.put(seg, text ?? '');
    const named = new Set(edit.segments?.map((s) => s.seg));
    const names = (edit.names ?? []).flatMap(({ spk, name }) => (name === null ? [] : [{ spk, name }]));
    return Promise.resolve({ etag: this.now.etag, names, segments: this.now.segments.filter((s) => named.has(s.seg)) });
  };
}

describe('a change', () => {
  it('is made to the version that was seen', async () => {
    const server = new Server();
    const now = await make(server, 'm', first, { seg: 'a', text: 'Bonjour' });
    expect(now.segments.map((s) => s.text)).toEqual(['Bonjour', 'Oui', 'Non']);
    expect(now.etag).toBe('"1.1"');
    expect(server.edits).toEqual([['"1.0"', { segments: [{ seg: 'a', text: 'Bonjour' }] }]]);
    expect(nameOf(await make(server, 'm', now, { spk: 'p2', name: 'Robert' }), 'p2')).toBe('Robert');
  });

  it('is made again when somebody else changed another segment', async () => {
    const server = new Server();
    server.before = [() => server.put('b', 'Oui !'), () => server.put('b', 'Oui, oui')];
    const now = await make(server, 'm', first, { seg: 'a', text: 'Bonjour' });
    expect(now.segments.map((s) => s.text)).toEqual(['Bonjour', 'Oui, oui', 'Non']);
    expect(server.edits).toHaveLength(3);
  });

  it('of what somebody else changed is not made, and what they wrote comes back', async () => {
    const server = new Server();
    server.before = [() => server.put('a', 'Bonsoir')];
    const outcome = await make(server, 'm', first, { seg: 'a', text: 'Bonjour' }).catch((e: unknown) => e);
    expect(outcome).toBeInstanceOf(EditConflict);
    expect(outcome instanceof EditConflict && outcome.now.segments[0]?.text).toBe('Bonsoir');
    expect(server.now.segments[0]?.text).toBe('Bonsoir');
    const seen = outcome instanceof EditConflict ? outcome.now : first;
    const now = await make(server, 'm', seen, { seg: 'a', text: 'Bonjour' });
    expect(now.segments[0]?.text).toBe('Bonjour');
  });

  it('is given up when others never stop, and after any other failure', async () => {
    const server = new Server();
    server.before = Array.from({ length: 9 }, (_, i) => () => server.put('b', `Oui ${i}`));
    await expect(make(server, 'm', first, { seg: 'a', text: 'x' })).rejects.toMatchObject({ code: 'edited-meanwhile' });
    const broken = { ...server, editTranscript: () => Promise.reject(new ApiError(403, 'forbidden', '')) };
    await expect(make(broken, 'm', first, { seg: 'a', text: 'x' })).rejects.toMatchObject({ status: 403 });
  });
});

describe('the name of a speaker', () => {
  const named: Transcript = {
    ...first,
    names: [
      { spk: 'p2', name: 'Robert' },
      { spk: 'p2/voice-3', name: 'Chloé' },
    ],
  };

  it.each([
    [first, 'p1', 'Anna'],
    [first, 'p2/voice-2', 'Bob (2)'],
    [named, 'p2', 'Robert'],
    [named, 'p2/voice-2', 'Robert (2)'],
    [named, 'p2/voice-3', 'Chloé'],
    [named, 'nobody', ''],
    [named, 'nobody/voice-1', ''],
  ] as const)('is found', (t, spk, name) => {
    expect(nameOf(t, spk)).toBe(name);
  });

  it('can be given to people and voices', () => {
    expect(speakersOf(first)).toEqual(['p1', 'p2', 'p2/voice-2']);
    expect([isRenamed(named, 'p2'), isRenamed(named, 'p1')]).toEqual([true, false]);
  });
});

describe('a line at a shared microphone', () => {
  const given = {
    ...first,
    segments: first.segments.map((s) =>
      s.seg === 'c' ? { ...s, spk: 'p2/voice-3', assigned: { spk: 'p2/voice-2', byName: 'Anna', atUnixMs: 1 } } : s,
    ),
  };
  const line = (t: typeof first, seg: string) => t.segments.find((s) => s.seg === seg) ?? fail();
  const fail = (): never => {
    throw new Error('no such segment');
  };

  it('can be given to the voices there, and to one more than were heard', () => {
    expect(voicesFor(first, line(first, 'c'))).toEqual(['p2/voice-2', 'p2/voice-3']);
    expect(voicesFor(given, line(given, 'c'))).toEqual(['p2/voice-2', 'p2/voice-3']);
    expect(voicesFor(first, line(first, 'a'))).toEqual([]);
  });

  it('goes back to what was heard, or to whom it was given before', () => {
    expect(undoOf(first, { seg: 'c', speaker: 'p2/voice-3' })).toEqual({ seg: 'c', speaker: null });
    expect(undoOf(given, { seg: 'c', speaker: null })).toEqual({ seg: 'c', speaker: 'p2/voice-3' });
    expect(valueOf(given, { seg: 'c', speaker: null })).toBe('p2/voice-3');
  });
});

describe('what takes a change back', () => {
  const renamed = { ...first, names: [{ spk: 'p1', name: 'Anne' }] };
  const corrected = {
    ...first,
    segments: first.segments.map((s) =>
      s.seg === 'a' ? { ...s, text: 'Bonjour', original: { text: 'Bonjou', byName: 'Anna', atUnixMs: 1 } } : s,
    ),
  };
  it.each([
    ['of a text as recognised', first, { seg: 'a', text: 'x' }, { seg: 'a', text: null }],
    ['of a text that was corrected before', corrected, { seg: 'a', text: null }, { seg: 'a', text: 'Bonjour' }],
    ['of a first name', first, { spk: 'p1', name: 'x' }, { spk: 'p1', name: null }],
    ['of another name', renamed, { spk: 'p1', name: null }, { spk: 'p1', name: 'Anne' }],
  ])('%s', (_, before, change, back) => {
    expect(undoOf(before, change)).toEqual(back);
  });
});
