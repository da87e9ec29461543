// Where the tiles go. Pure: sizes in, sizes out, in px.

export interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly tileWidthPx: number;
  readonly tileHeightPx: number;
}

/** The most live tiles on one page: the server's camera slots on a wide screen, half of them on a phone. */
function mostTiles(widthPx: number): number {
  return widthPx < 640 ? 6 : 12;
}

/** A face in a narrower tile is not recognised; a name does not fit. */
const narrowestTilePx = 140;

/** Tiles on one page of a grid: as many as can still be seen, at least one. */
export function tilesPerPage(widthPx: number, heightPx: number, gapPx: number): number {
  let n = mostTiles(widthPx);
  while (n > 1 && grid(widthPx, heightPx, n, gapPx).tileWidthPx < narrowestTilePx) n--;
  return n;
}

/** Tiles of the given length in a row or column beside the large picture, at least one. */
export function tilesInRow(lengthPx: number, tilePx: number, gapPx: number): number {
  return Math.min(12, Math.max(1, Math.floor((lengthPx + gapPx) / (tilePx + gapPx))));
}

/** The grid of n tiles of the given ratio (width / height) that makes them largest in the container. */
export function grid(widthPx: number, heightPx: number, n: number, gapPx: number, ratio = 16 / 9): Grid {
  let best: Grid = { columns: 1, rows: Math.max(1, n), tileWidthPx: 0, tileHeightPx: 0 };
  for (let columns = 1; columns <= Math.max(1, n); columns++) {
    const candidate = fit(widthPx, heightPx, columns, Math.ceil(Math.max(1, n) / columns), gapPx, ratio);
    if (candidate.tileWidthPx > best.tileWidthPx) best = candidate;
  }
  return best;
}

function fit(widthPx: number, heightPx: number, columns: number, rows: number, gapPx: number, ratio: number): Grid {
  const roomWidth = (widthPx - gapPx * (columns - 1)) / columns;
  const roomHeight = (heightPx - gapPx * (rows - 1)) / rows;
  const tileWidthPx = Math.max(0, Math.floor(Math.min(roomWidth, roomHeight * ratio)));
  return { columns, rows, tileWidthPx, tileHeightPx: Math.floor(tileWidthPx / ratio) };
}

export interface Page<T> {
  readonly tiles: readonly T[];
  readonly page: number;
  readonly pages: number;
}

/** Page `wanted` (from 0) of the tiles, kept within bounds. Every tile stands on exactly one page. */
export function pageOf<T>(tiles: readonly T[], perPage: number, wanted: number): Page<T> {
  const pages = Math.max(1, Math.ceil(tiles.length / perPage));
  const page = Math.min(Math.max(0, wanted), pages - 1);
  return { tiles: tiles.slice(page * perPage, (page + 1) * perPage), page, pages };
}
