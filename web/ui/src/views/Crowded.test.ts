// @vitest-environment happy-dom
import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { chooseLocale } from '../app';
import Crowded from './Crowded.svelte';

describe('the page of those who are turned away', () => {
  let page: ReturnType<typeof mount>;
  const attempt = vi.fn();
  const giveUp = vi.fn();

  beforeEach(() => {
    vi.useFakeTimers();
    chooseLocale('en');
    page = mount(Crowded, {
      target: document.body,
      props: { crowd: 'server', waitMs: 60_000, trying: false, attempt, giveUp },
    });
    flushSync();
  });
  afterEach(async () => {
    await unmount(page);
    vi.useRealTimers();
    vi.clearAllMocks();
  });

  const text = () => document.body.textContent ?? '';
  const press = (testid: string) => document.querySelector<HTMLElement>(`[data-testid=${testid}]`)?.click();

  it('says what is the matter, and what need be done', () => {
    expect(text()).toContain('The server is at its limit');
    expect(text()).toContain('Running meetings go on');
    expect(text()).toContain('You need not do anything');
    expect(text()).toContain('Next try in 60 seconds.');
  });

  it('says it in French', () => {
    chooseLocale('fr');
    flushSync();
    expect(text()).toContain('Le serveur est à sa limite');
    expect(text()).toContain('Prochain essai dans 60 secondes.');
  });

  it('counts down and tries again by itself, once', () => {
    vi.advanceTimersByTime(15_000);
    flushSync();
    expect(text()).toContain('Next try in 45 seconds.');
    expect(attempt).not.toHaveBeenCalled();
    vi.advanceTimersByTime(100_000);
    expect(attempt).toHaveBeenCalledTimes(1);
  });

  it('tries at once when asked to, and lets go', () => {
    press('try-now');
    expect(attempt).toHaveBeenCalledTimes(1);
    press('give-up');
    expect(giveUp).toHaveBeenCalledTimes(1);
  });
});
