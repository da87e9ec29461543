import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ViewTile } from './signal';
import { unseenMs, ViewReport, viewOf } from './view';

const shown = (participant: string, heightPx: number, source: 'camera' | 'screen' = 'camera') => ({
  participant,
  source,
  heightPx,
});

describe('a view', () => {
  it('names what is shown in its order, with heights in device pixels', () => {
    expect(viewOf([shown('ada', 540, 'screen'), shown('ben', 90)], 2)).toEqual([
      { participant: 'ada', source: 'screen', height: 1080 },
      { participant: 'ben', source: 'camera', height: 180 },
    ]);
  });

  it.each([
    [1, 90],
    [98, 90],
    [100, 180],
    [175, 180],
    [360, 360],
    [396, 360],
    [397, 540],
    [9_000, 2_160],
  ])('has coarse heights: a tile of %i px is one of %i', (heightPx, height) => {
    expect(viewOf([shown('ada', heightPx)], 1)).toMatchObject([{ height }]);
  });

  it('lists who is shown twice once, where he came first, as large as he is shown', () => {
    expect(viewOf([shown('ada', 90), shown('ben', 90), shown('ada', 720)], 1)).toMatchObject([
      { participant: 'ada', height: 720 },
      { participant: 'ben', height: 90 },
    ]);
    expect(viewOf([shown('ada', 90), shown('ada', 720, 'screen')], 1)).toHaveLength(2);
  });

  it('is never longer than the server takes', () => {
    expect(
      viewOf(
        Array.from({ length: 150 }, (_, i) => shown(`p${i}`, 90)),
        1,
      ),
    ).toHaveLength(32);
  });
});

describe('telling the server', () => {
  let sent: (readonly ViewTile[])[];
  let online: boolean;
  let report: ViewReport;
  const page = (...who: string[]) =>
    viewOf(
      who.map((w) => shown(w, 180)),
      1,
    );
  const names = () => sent.map((tiles) => tiles.map((t) => t.participant).join(' '));

  beforeEach(() => {
    vi.useFakeTimers();
    sent = [];
    online = true;
    report = new ViewReport((tiles) => online && sent.push(tiles) > 0);
  });
  afterEach(() => {
    report.stop();
    vi.useRealTimers();
  });

  it('is at once at first, and then after a moment, of what is shown last', () => {
    report.show(page('ada'));
    report.show(page('ben'));
    report.show(page('cy'));
    expect(names()).toEqual(['ada']);
    vi.advanceTimersByTime(200);
    expect(names()).toEqual(['ada', 'cy']);
  });

  it('does not put it off for ever while the screen keeps changing', () => {
    for (let i = 0; i < 20; i++) {
      report.show(page(`p${i}`));
      vi.advanceTimersByTime(50);
    }
    expect(sent.length).toBeGreaterThanOrEqual(5);
  });

  it('says nothing twice', () => {
    report.show(page('ada'));
    vi.advanceTimersByTime(200);
    report.show(page('ada'));
    vi.advanceTimersByTime(200);
    expect(names()).toEqual(['ada']);
  });

  it('says it again when the server has begun anew, and what it could not say before', () => {
    report.show(page('ada'));
    vi.advanceTimersByTime(200);
    report.again();
    online = false;
    report.show(page('ben'));
    vi.advanceTimersByTime(200);
    online = true;
    report.again();
    expect(names()).toEqual(['ada', 'ada', 'ben']);
  });

  it('says nothing before the screen does', () => {
    report.again();
    report.seen(true);
    expect(sent).toEqual([]);
  });

  it('shows nothing after some seconds unseen, and all at once when seen again', () => {
    report.show(page('ada'));
    vi.advanceTimersByTime(200);
    report.seen(false);
    vi.advanceTimersByTime(unseenMs - 1);
    expect(names()).toEqual(['ada']);
    vi.advanceTimersByTime(1);
    expect(names()).toEqual(['ada', '']);
    report.show(page('ada', 'ben'));
    vi.advanceTimersByTime(200);
    report.again();
    report.seen(true);
    expect(names()).toEqual(['ada', '', '', 'ada ben']);
  });

  it('keeps its video when it is seen again soon', () => {
    report.show(page('ada'));
    vi.advanceTimersByTime(200);
    report.seen(false);
    vi.advanceTimersByTime(unseenMs / 2);
    report.seen(true);
    vi.advanceTimersByTime(2 * unseenMs);
    expect(names()).toEqual(['ada']);
  });
});
