import { describe, expect, it } from 'vitest';
import { readDeletion, readRetention, withDays } from './retention';

const kept = readRetention({ audio_days: 7, text_days: 30, minutes_days: 90 });

describe('retention', () => {
  it('is read, and absent means until deleted', () => {
    expect(kept).toEqual({ audioDays: 7, textDays: 30, minutesDays: 90 });
    expect(readRetention(undefined)).toEqual({ audioDays: 0, textDays: 0, minutesDays: 0 });
  });

  it.each([
    ['', 0],
    [' 14 ', 14],
    ['36500', 36_500],
  ])('takes %j typed', (typed, days) => {
    expect(withDays(kept, 'text', typed)).toEqual({ ...kept, textDays: days });
  });

  it.each(['-1', '1.5', 'ten', '36501', '1e9', 'Infinity'])('refuses %j', (typed) => {
    expect(withDays(kept, 'audio', typed)).toBeUndefined();
  });

  it('of a meeting says when it goes', () => {
    expect(readDeletion(undefined)).toBeUndefined();
    expect(readDeletion({ text_unix_ms: 5, soon: true })).toEqual({
      textUnixMs: 5,
      audioUnixMs: 0,
      minutesUnixMs: 0,
      soon: true,
      canKeep: false,
    });
  });
});
