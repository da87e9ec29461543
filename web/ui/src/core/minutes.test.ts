import { expect, test, vi } from 'vitest';
import { ApiError } from './api';
import {
  allLines,
  isSuggestion,
  judge,
  MinutesConflict,
  MinutesDesk,
  readMinutes,
  rewrite,
  type Line,
} from './minutes';

function line(id: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { id, kind: 'action', text: `Text of ${id}`, evidence: ['s1'], verdict: '', ...more };
}

function answer(actions: unknown[], more: Record<string, unknown> = {}): unknown {
  return {
    job: { state: 'done', done: 0, of: 0, reason: '' },
    possible: true,
    endpoint: '',
    document: {
      engine: { name: 'extractive' },
      overview: null,
      topics: [{ title: 'plan', t0: 0, t1: 5, points: [line('p', { kind: 'point' })] }],
      decisions: [],
      actions,
      questions: [],
      warnings: ['one-speaker'],
      cited: [{ seg: 's1', spk: 'p1', t0: 1000, t1: 2000 }],
      ...more,
    },
  };
}

function first(v: unknown): Line {
  const found = readMinutes(v, '').document?.actions[0];
  if (!found) throw new Error('no action');
  return found;
}

test('minutes are read, and what is no minutes is refused', () => {
  const m = readMinutes(answer([line('a', { owner: 'Anna', due_date: '2026-01-02' })]), '"1.0"');
  expect(m.etag).toBe('"1.0"');
  expect(m.document?.actions[0]).toMatchObject({ owner: 'Anna', dueDate: '2026-01-02', original: '', added: false });
  expect(m.document?.cited.get('s1')?.t0).toBe(1000);
  expect(m.document && allLines(m.document).map((l) => l.id)).toEqual(['p', 'a']);
  expect(readMinutes({ job: { state: 'none' } }, '').document).toBeUndefined();
  for (const wrong of [
    {},
    { job: { state: 'magic' } },
    answer([line('a', { verdict: 'loved' })]),
    answer([line('a', { text: 5 })]),
    answer([], { engine: { name: 'oracle' } }),
    answer([], { cited: [{ seg: 's1', t0: 1.5 }] }),
  ]) {
    expect(() => readMinutes(wrong, '')).toThrow();
  }
});

test('a verdict leaves what people wrote, and whoever changes a suggestion accepts it', () => {
  const fresh = first(answer([line('a', { owner: 'Anna' })]));
  expect(isSuggestion(fresh)).toBe(true);
  expect(judge(fresh, 'dismissed')).toEqual({ id: 'a', verdict: 'dismissed' });
  const changed = first(answer([line('a', { original: 'Old', owner: 'Bob', due: '', at_unix_ms: 5 })]));
  expect(judge(changed, 'accepted')).toEqual({
    id: 'a',
    verdict: 'accepted',
    text: 'Text of a',
    owner: 'Bob',
    due: '',
  });
  expect(rewrite(fresh, { text: 'New', owner: 'Bob', due: 'soon' })).toEqual({
    id: 'a',
    verdict: 'accepted',
    text: 'New',
    owner: 'Bob',
    due: 'soon',
  });
  const point = readMinutes(answer([]), '').document?.topics[0]?.points[0];
  expect(point && rewrite(point, { text: 'New', owner: 'x', due: 'y' })).toEqual({ id: 'p', verdict: '', text: 'New' });
});

test('a change is made again when somebody changed another line, and not when they changed the same', async () => {
  const conflict = new ApiError(412, 'edited-meanwhile', '');
  const seen = readMinutes(answer([line('a'), line('b')]), '"1"');
  const others = answer([line('a'), line('b', { verdict: 'accepted' })]);
  const minutes = vi
    .fn()
    .mockRejectedValueOnce(conflict)
    .mockResolvedValueOnce({ value: others, etag: '"2"' })
    .mockResolvedValueOnce({ value: others, etag: '"3"' });
  const desk = new MinutesDesk({ minutes }, 'm', () => 'why');
  const change = { lines: [{ id: 'a', verdict: 'accepted' as const }] };
  expect((await desk.change(seen, change)).etag).toBe('"3"');
  expect(minutes.mock.calls.map((c: unknown[]) => [c[1], c[5]])).toEqual([
    ['PATCH', '"1"'],
    ['GET', undefined],
    ['PATCH', '"2"'],
  ]);

  const same = answer([line('a', { verdict: 'dismissed' }), line('b')]);
  const lost = vi.fn().mockRejectedValueOnce(conflict).mockResolvedValueOnce({ value: same, etag: '"2"' });
  await expect(new MinutesDesk({ minutes: lost }, 'm', () => '').change(seen, change)).rejects.toBeInstanceOf(
    MinutesConflict,
  );
});
