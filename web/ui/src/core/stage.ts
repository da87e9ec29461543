// What stands on the stage: one large picture with the others beside it, or all in a grid; and in which order. Pure, but
// for TileOrder, which remembers the order so that tiles move only when they must.

import type { Peer } from './signal';

export const stageModes = ['grid', 'speaker'] as const;
export type StageMode = (typeof stageModes)[number];

/** A picture of somebody: their camera (or avatar) or their screen. */
export interface Figure {
  readonly participant: string;
  readonly source: 'camera' | 'screen';
}

export interface Cast {
  readonly people: readonly Peer[];
  readonly me: string | undefined;
  /** Who of the others shares a screen, newest first. */
  readonly sharing: readonly string[];
  readonly mode: StageMode;
  readonly pinned: Figure | undefined;
  /** Who has the floor. */
  readonly speaker: string | undefined;
}

/** The large picture: what is pinned, else the newest screen, else (if that is wanted) who speaks. Undefined: a grid. */
export function mainOf(cast: Cast): Figure | undefined {
  const { people, me, sharing, mode, pinned, speaker } = cast;
  const is = (participant: string | undefined) => people.some((p) => p.participant === participant);
  if (pinned && is(pinned.participant)) {
    if (pinned.source === 'camera' || sharing.includes(pinned.participant)) return pinned;
  }
  const screen = sharing.find(is);
  if (screen !== undefined) return { participant: screen, source: 'screen' };
  if (mode === 'grid') return undefined;
  const other = speaker !== me && is(speaker) ? speaker : people.find((p) => p.participant !== me)?.participant;
  return other === undefined ? undefined : { participant: other, source: 'camera' };
}

/** Who shares a screen, newest first: before is the answer of before. */
export function newestFirst(before: readonly string[], sharing: readonly string[]): string[] {
  return [...sharing.filter((p) => !before.includes(p)), ...before.filter((p) => sharing.includes(p))];
}

/** Who may be moved to the first page, and whom that may cost the place. */
export interface Spotlight {
  /** Who has the floor now; undefined: nobody, or the reader looks at another page. */
  readonly speaker: string | undefined;
  readonly lastHeardMs: (participant: string) => number;
}

/**
 * The order of the tiles: as people came, and oneself on the first page. Who speaks on a page behind changes places with
 * who was silent longest on the first one, and keeps the place: so tiles move across pages only, one at a time.
 */
export class TileOrder {
  #order: readonly string[] = [];

  take(present: readonly string[], own: string | undefined, perPage: number, spotlight: Spotlight): readonly string[] {
    const here = new Set(present);
    const known = new Set(this.#order);
    let order = [...this.#order.filter((p) => here.has(p)), ...present.filter((p) => !known.has(p))];
    order = promoted(order, own, perPage, perPage - 1);
    const quiet = quietest(order.slice(0, perPage), own, spotlight.lastHeardMs);
    order = promoted(order, spotlight.speaker, perPage, quiet);
    this.#order = order;
    return order;
  }
}

/** Swaps somebody of a page behind with the tile at place. */
function promoted(order: string[], who: string | undefined, perPage: number, place: number): string[] {
  const from = who === undefined ? -1 : order.indexOf(who);
  const leaves = order[place];
  if (who === undefined || from < perPage || leaves === undefined) return order;
  return order.with(place, who).with(from, leaves);
}

/** The place of who was silent longest, but not oneself; among equals the last. -1: there is none. */
function quietest(page: readonly string[], own: string | undefined, lastHeardMs: (who: string) => number): number {
  let found = -1;
  let foundMs = Infinity;
  page.forEach((who, place) => {
    const ms = lastHeardMs(who);
    if (who === own || ms > foundMs) return;
    found = place;
    foundMs = ms;
  });
  return found;
}
