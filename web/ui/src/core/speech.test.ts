import { describe, expect, it } from 'vitest';
import { termsOf, weakModel } from './speech';

describe('a glossary', () => {
  it('has one term a line or between commas, each once', () => {
    expect(termsOf(' USOC \n Jean-Luc   Ferré, Mashhad;\n\nUSOC')).toEqual(['USOC', 'Jean-Luc Ferré', 'Mashhad']);
    expect(termsOf(' \n, ')).toEqual([]);
  });
});

describe('a model', () => {
  it('is weak outside English if it is small', () => {
    expect(['whisper-base-q8_0', 'whisper-tiny', 'whisper-base'].every(weakModel)).toBe(true);
    expect(['whisper-small-q8_0', 'whisper-large-v3-turbo', 'parakeet', ''].some(weakModel)).toBe(false);
  });
});
