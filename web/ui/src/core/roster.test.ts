import { expect, it } from 'vitest';
import { colourIndex, initials, present, Roster } from './roster';
import type { Peer } from './signal';

function peer(participant: string, order: number): Peer {
  return {
    participant,
    name: participant,
    role: 'participant',
    order,
    sources: ['mic'],
    opt_out: false,
    captioner: false,
    present: true,
  };
}

it('lists those present in the order they came', () => {
  const roster = new Roster();
  roster.replace([peer('c', 2), peer('a', 0), peer('b', 1)]);
  expect(present(roster.peers.get()).map((p) => p.participant)).toEqual(['a', 'b', 'c']);
});

it('keeps the name of who left, for captions that come late', () => {
  const roster = new Roster();
  roster.replace([peer('a', 0)]);
  roster.leave('a');
  expect(present(roster.peers.get())).toEqual([]);
  expect(roster.peers.get().get('a')).toMatchObject({ name: 'a', present: false, sources: [] });
  roster.leave('nobody');
});

it.each([
  ['Ada', 'A'],
  ['Ada Lovelace', 'AL'],
  ['jean-baptiste de la Salle', 'JS'],
  ['李小龙', '李'],
  ['🌻 Sun', '🌻S'],
  ['  ', '?'],
])('initials of %s', (name, letters) => {
  expect(initials(name)).toBe(letters);
});

it('gives neighbours different colours', () => {
  expect([0, 1, 7, 8, 9].map(colourIndex)).toEqual([0, 1, 7, 0, 1]);
});
