// How people live together in the room: who may come in and share, whose hand is up, who waits at the door.

import { Cell } from './cell';
import { mayRun, type Role } from './level';
import type { Peer, RoomState, Waiter } from './signal';

export const openRoom: RoomState = {
  locked: false,
  lobby: false,
  share: 'everybody',
  share_replaces: false,
  max_people: 0,
  hands: [],
  waiting: [],
};

export class House {
  readonly state = new Cell<RoomState>(openRoom);

  /** Takes the state as it is now, and returns who has come to the door and whose hand has gone up since. */
  take(now: RoomState): { waiters: Waiter[]; hands: string[] } {
    const before = this.state.get();
    this.state.set(now);
    const waited = new Set(before.waiting.map((w) => w.participant));
    return {
      waiters: now.waiting.filter((w) => !waited.has(w.participant)),
      hands: now.hands.filter((h) => !before.hands.includes(h)),
    };
  }
}

/** Why somebody may not share a screen now, as the server would say it; undefined: nothing is in the way. */
export function shareRefusal(
  state: RoomState,
  peers: Iterable<Peer>,
  me: string,
  role: Role,
): 'share_rule' | 'share_taken' | undefined {
  if (mayRun(role)) return undefined;
  if (state.share === 'organizers') return 'share_rule';
  const taken = [...peers].some((p) => p.present && p.participant !== me && p.sources.includes('screen'));
  return taken && !state.share_replaces ? 'share_taken' : undefined;
}

/** Those present: raised hands first, in their order, then the others in order of joining. */
export function handsFirst(people: readonly Peer[], hands: readonly string[]): Peer[] {
  const place = (p: Peer) => {
    const at = hands.indexOf(p.participant);
    return at < 0 ? hands.length : at;
  };
  return [...people].sort((a, b) => place(a) - place(b) || a.order - b.order);
}

/** What an organizer can do about somebody at this moment. */
export const deeds = ['mute', 'camera', 'share', 'lower', 'captioner', 'remove'] as const;
export type Deed = (typeof deeds)[number];

export function deedsAbout(peer: Peer, mine: Role, own: boolean, handUp: boolean, encrypted: boolean): readonly Deed[] {
  if (!mayRun(mine)) return same([]);
  const sends = (...of: readonly string[]) => peer.sources.some((s) => of.includes(s));
  const possible: Record<Deed, boolean> = {
    mute: sends('mic'),
    camera: sends('camera'),
    share: sends('screen', 'screen-audio'),
    lower: handUp,
    captioner: !encrypted, // what is typed passes the server in clear
    remove: !own && mayRemove(mine, peer.role),
  };
  return same(deeds.filter((d) => possible[d]));
}

const known = new Map<string, readonly Deed[]>(); // at most one for each choice of deeds

/** One list for equal deeds: of 150 people who are listed anew only those are shown anew for whom something has changed. */
function same(list: readonly Deed[]): readonly Deed[] {
  const key = list.join();
  const before = known.get(key) ?? list;
  known.set(key, before);
  return before;
}

/** Whether somebody of role `mine` may remove somebody of role `theirs`. */
export function mayRemove(mine: Role, theirs: Role): boolean {
  return mayRun(mine) && (theirs !== 'admin' || mine === 'admin');
}
