// Who is in the meeting. Those who left stay listed as not present, so that a late caption still has a name.

import { Cell } from './cell';
import type { Peer } from './signal';

export class Roster {
  readonly peers = new Cell<ReadonlyMap<string, Peer>>(new Map());

  replace(peers: readonly Peer[]): void {
    this.peers.set(new Map(peers.map((p) => [p.participant, p])));
  }

  put(peer: Peer): void {
    this.peers.update((now) => new Map(now).set(peer.participant, peer));
  }

  leave(participant: string): void {
    const peer = this.peers.get().get(participant);
    if (peer) this.put({ ...peer, present: false, sources: [] });
  }
}

/** Those present, in join order. */
export function present(peers: ReadonlyMap<string, Peer>): Peer[] {
  return [...peers.values()].filter((p) => p.present).sort((a, b) => a.order - b.order);
}

/** One or two letters for an avatar, whatever the script. */
export function initials(name: string): string {
  const words = name
    .trim()
    .split(/[\s\-']+/u)
    .filter(Boolean);
  const letters = words.map((w) => Array.from(w)[0] ?? '');
  const chosen = letters.length > 1 ? [letters[0], letters.at(-1)] : letters;
  return chosen.join('').toLocaleUpperCase() || '?';
}

/** Which of the eight speaker colours a participant has: by join order, so neighbours differ. */
export function colourIndex(order: number): number {
  return ((order % 8) + 8) % 8;
}
