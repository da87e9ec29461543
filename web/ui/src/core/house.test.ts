import { describe, expect, it } from 'vitest';
import { deedsAbout, handsFirst, House, mayRemove, openRoom, shareRefusal } from './house';
import type { Peer } from './signal';

const peer = (participant: string, order: number, change: Partial<Peer> = {}): Peer => ({
  participant,
  name: participant,
  role: 'participant',
  order,
  sources: [],
  opt_out: false,
  captioner: false,
  present: true,
  ...change,
});
const waiter = (participant: string) => ({ participant, name: participant, since_unix_ms: 0 });

describe('the house', () => {
  it('says once who has come to the door and whose hand went up', () => {
    const house = new House();
    expect(house.take({ ...openRoom, waiting: [waiter('a')], hands: ['x'] })).toEqual({
      waiters: [waiter('a')],
      hands: ['x'],
    });
    expect(house.take({ ...openRoom, waiting: [waiter('a'), waiter('b')], hands: ['x', 'y'] })).toEqual({
      waiters: [waiter('b')],
      hands: ['y'],
    });
    house.take(openRoom);
    expect(house.take({ ...openRoom, hands: ['x'] }).hands).toEqual(['x']);
  });

  it('lists raised hands first, in their order', () => {
    const people = [peer('a', 0), peer('b', 1), peer('c', 2), peer('d', 3)];
    expect(handsFirst(people, ['d', 'b']).map((p) => p.participant)).toEqual(['d', 'b', 'a', 'c']);
    expect(handsFirst(people, []).map((p) => p.participant)).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('sharing a screen', () => {
  const alone = [peer('me', 0)];
  const taken = [peer('me', 0), peer('other', 1, { sources: ['screen'] })];
  const ask = (people: Peer[], change: object = {}, role: Peer['role'] = 'participant') =>
    shareRefusal({ ...openRoom, ...change }, people, 'me', role);

  it('is free, unless the room or somebody else is in the way', () => {
    expect(ask(alone)).toBeUndefined();
    expect(ask(taken)).toBe('share_taken');
    expect(ask(taken, { share_replaces: true })).toBeUndefined();
    expect(ask(alone, { share: 'organizers' })).toBe('share_rule');
    expect(ask([peer('me', 0, { sources: ['screen'] })])).toBeUndefined();
    expect(ask([peer('gone', 1, { sources: ['screen'], present: false })])).toBeUndefined();
  });

  it('is free to organizers', () => {
    expect(ask(taken, { share: 'organizers' }, 'organizer')).toBeUndefined();
    expect(ask(taken, {}, 'admin')).toBeUndefined();
  });
});

it('lets organizers remove anybody but administrators', () => {
  expect(mayRemove('participant', 'participant')).toBe(false);
  expect(mayRemove('organizer', 'participant')).toBe(true);
  expect(mayRemove('organizer', 'organizer')).toBe(true);
  expect(mayRemove('organizer', 'admin')).toBe(false);
  expect(mayRemove('admin', 'admin')).toBe(true);
});

describe('what can be done about somebody', () => {
  const busy = peer('a', 0, { sources: ['mic', 'camera', 'screen-audio'] });

  it.each([
    ['nothing by a participant', busy, 'participant', false, true, []],
    ['everything there is', busy, 'organizer', false, true, ['mute', 'camera', 'share', 'lower', 'remove']],
    ['not their own removal', busy, 'organizer', true, false, ['mute', 'camera', 'share']],
    ['removal of who does nothing', peer('b', 1), 'organizer', false, false, ['remove']],
    ['no removal of an admin', peer('c', 2, { role: 'admin' }), 'organizer', false, false, []],
  ] as const)('is %s', (_, whom, mine, own, handUp, deeds) => {
    expect(deedsAbout(whom, mine, own, handUp, true)).toEqual(deeds);
    const inClear = deedsAbout(whom, mine, own, handUp, false);
    expect(inClear.filter((d) => d !== 'captioner')).toEqual(deeds);
    expect(inClear.includes('captioner')).toBe(mine !== 'participant');
  });
});
