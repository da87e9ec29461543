import { describe, expect, it } from 'vitest';
import { ApiError } from './api';
import { crowdOf, longestWaitMs, shortestWaitMs, waitMs } from './waiting';

const refused = (code: string, retryAfterS?: number) => new ApiError(503, code, '', retryAfterS);

describe('a join that is turned away', () => {
  it('is told from one that fails', () => {
    expect(crowdOf(refused('overloaded'))).toBe('server');
    expect(crowdOf(refused('refused'))).toBe('meeting');
    expect(crowdOf(refused('room-full'))).toBe('meeting');
    expect(crowdOf(refused('locked'))).toBeUndefined();
    expect(crowdOf(refused('unavailable'))).toBeUndefined();
    expect(crowdOf(new TypeError('no route'))).toBeUndefined();
  });

  it('is tried again when the server says, not by everybody at once', () => {
    expect(waitMs(refused('overloaded', 60), 0)).toBe(60_000);
    expect(waitMs(refused('overloaded', 60), 0.999)).toBeGreaterThan(89_000);
    expect(waitMs(refused('overloaded'), 0)).toBe(60_000);
  });

  it('is neither hammered nor forgotten', () => {
    expect(waitMs(refused('overloaded', 0), 0)).toBe(shortestWaitMs);
    expect(waitMs(refused('overloaded', 999_999), 0)).toBe(longestWaitMs);
  });
});
