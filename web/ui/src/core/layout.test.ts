import { describe, expect, it } from 'vitest';
import { grid, pageOf, tilesPerPage } from './layout';

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
  it('hold every tile exactly once', () => {
    for (const perPage of [tilesPerPage(360), tilesPerPage(1280)]) {
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
