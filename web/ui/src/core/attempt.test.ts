import { describe, expect, it } from 'vitest';
import { Attempt } from './attempt';

describe('the key of an attempt', () => {
  it('stays while the same is tried', () => {
    const attempt = new Attempt();
    const key = attempt.keyFor('Weekly', false);
    expect(key).toMatch(/^[0-9a-f]{32}$/);
    expect(attempt.keyFor('Weekly', false)).toBe(key);
  });

  it('is another one for something else, and after it was done', () => {
    const attempt = new Attempt();
    const keys = [attempt.keyFor('Weekly', false), attempt.keyFor('Weekly', true)];
    attempt.done();
    keys.push(attempt.keyFor('Weekly', true));
    expect(new Set(keys).size).toBe(3);
  });
});
