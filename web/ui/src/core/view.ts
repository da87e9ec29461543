// What the screen shows, as told to the server, which sends just that and in the sizes it is shown in. Told after a short
// rest, so that turning pages fast or pulling at a window is one message; and again whenever the server has begun anew.

import { maxTiles, type ViewTile } from './signal';

/** A video on the screen. Nothing is too small to be listed: what is listed comes. */
export interface ShownVideo {
  readonly participant: string;
  readonly source: 'camera' | 'screen';
  readonly heightPx: number;
}

/** Heights that views name, in device pixels: coarse, so that few changes of a window make another view. */
const heights = [90, 180, 270, 360, 540, 720, 1080, 1440, 2160] as const;
/** How much larger than its height in the view a tile may be: a picture stretched by a tenth looks the same. */
const stretch = 1.1;

/** The view of what is shown, most important first, on a screen with that many device pixels a CSS pixel. */
export function viewOf(shown: readonly ShownVideo[], pixelRatio: number): ViewTile[] {
  const tiles = new Map<string, ViewTile>();
  for (const { participant, source, heightPx } of shown) {
    const key = `${source} ${participant}`;
    const height = Math.max(coarse(heightPx * pixelRatio), tiles.get(key)?.height ?? 0);
    tiles.set(key, { participant, source, height }); // shown twice: its first place, its largest size
  }
  return [...tiles.values()].slice(0, maxTiles);
}

function coarse(heightPx: number): number {
  return heights.find((h) => heightPx <= h * stretch) ?? 2160;
}

const restMs = 150;
/** A page that nobody sees keeps its video this long: who comes right back finds it. */
export const unseenMs = 5_000;

export class ViewReport {
  readonly #send: (tiles: readonly ViewTile[]) => boolean;
  #tiles: readonly ViewTile[] | undefined; // undefined: the screen has not said yet
  #unseen = false;
  #sent = '';
  #rest: ReturnType<typeof setTimeout> | undefined;
  #sleep: ReturnType<typeof setTimeout> | undefined;

  /** send returns whether the message went out. */
  constructor(send: (tiles: readonly ViewTile[]) => boolean) {
    this.#send = send;
  }

  /** The screen shows this now. The first time it is told at once: until then the server guesses. */
  show(tiles: readonly ViewTile[]): void {
    this.#tiles = tiles;
    if (this.#sent === '') this.#tell();
    else this.#rest ??= setTimeout(() => this.#tell(), restMs);
  }

  /** The page can be seen, or not any more (another tab, a minimised window). Sound goes on in either case. */
  seen(visible: boolean): void {
    clearTimeout(this.#sleep);
    this.#sleep = undefined;
    if (visible) {
      this.#unseen = false;
      this.#tell();
    } else if (!this.#unseen) {
      this.#sleep = setTimeout(() => {
        this.#unseen = true;
        this.#tell();
      }, unseenMs);
    }
  }

  /** The server has welcomed us and may know nothing of before. */
  again(): void {
    this.#sent = '';
    this.#tell();
  }

  stop(): void {
    clearTimeout(this.#rest);
    clearTimeout(this.#sleep);
    this.#rest = this.#sleep = undefined;
    this.#tiles = undefined;
  }

  #tell(): void {
    clearTimeout(this.#rest);
    this.#rest = undefined;
    if (!this.#tiles) return;
    const tiles = this.#unseen ? [] : this.#tiles;
    const text = JSON.stringify(tiles);
    if (text !== this.#sent && this.#send(tiles)) this.#sent = text;
  }
}
