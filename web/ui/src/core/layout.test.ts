import { describe, expect, it } from 'vitest';
import { grid, pageOf, tilesInRow, tilesPerPage } from './layout';

describe('grid', () => {
  it.each([
    [1, 1280, 640, 1, 1],
    [2, 1280, 640, 2, 1],
    [4, 1280, 720, 2, 2],
    [2, 360, 600, 1, 2],
    [6, 360, 600, 2, 3],
    [12, 1280, 720, 4, 3],
  ])('puts %i tiles on %i × %i px in %i columns and %i rows', (n, width, height, columns, rows) => {
    expect(grid(width, height, n, 8)).toMatchObject({ columns, rows });
  });

  it('never overflows, whatever the container and the number of tiles', () => {
    for (let n = 1; n <= 150; n++) {
      for (const [width, height] of [
        [320, 480],
        [1280, 640],
        [640, 1200],
        [50, 50],
      ] as const) {
        const g = grid(width, height, n, 8);
        expect(g.columns * g.rows).toBeGreaterThanOrEqual(n);
        expect(g.columns * g.tileWidthPx + (g.columns - 1) * 8).toBeLessThanOrEqual(
          Math.max(width, (g.columns - 1) * 8),
        );
        if (g.tileWidthPx === 0) continue;
        expect(g.rows * g.tileHeightPx + (g.rows - 1) * 8).toBeLessThanOrEqual(height);
      }
    }
  });

  it('survives a container without size', () => {
    expect(grid(0, 0, 5, 8).tileWidthPx).toBe(0);
  });
});

describe('pages', () => {
  it.each([
    [12, 1264, 640],
    [6, 344, 560],
    [6, 639, 900],
    [2, 344, 130],
    [1, 100, 100],
    [1, 0, 0],
  ])('have %i tiles on %i × %i px: as many as can be seen', (tiles, width, height) => {
    expect(tilesPerPage(width, height, 8)).toBe(tiles);
  });

  it.each([
    [4, 500, 117],
    [1, 50, 117],
    [12, 9_000, 117],
  ])('have %i tiles in a row of %i px, of %i px each', (tiles, length, tile) => {
    expect(tilesInRow(length, tile, 8)).toBe(tiles);
  });

  it('hold every tile exactly once', () => {
    for (const perPage of [tilesPerPage(344, 560, 8), tilesPerPage(1264, 640, 8)]) {
      for (let n = 0; n <= 150; n++) {
        const tiles = Array.from({ length: n }, (_, i) => i);
        const { pages } = pageOf(tiles, perPage, 0);
        const all = Array.from({ length: pages }, (_, page) => pageOf(tiles, perPage, page).tiles).flat();
        expect(all).toEqual(tiles);
      }
    }
  });

  it('keep within bounds when people leave', () => {
    expect(pageOf([1, 2, 3], 2, 7)).toEqual({ tiles: [3], page: 1, pages: 2 });
    expect(pageOf([], 2, -1)).toEqual({ tiles: [], page: 0, pages: 1 });
  });
});
