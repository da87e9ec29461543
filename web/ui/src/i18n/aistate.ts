// What the captions are doing, in a sentence: the same on the chip and over the pictures.

import type { AIState } from '../core/signal';
import type { Catalogue } from './index';

/** From this load on recognisers give up quality: being late has a reason that people should know. */
const overloadedFrom = 2;

/** The state that is shown: the level says off before any recogniser does. */
export function shownState(ai: AIState | undefined): AIState['status']['state'] {
  if (!ai || ai.policy.level === 'off') return 'off';
  return ai.status.state === 'off' ? 'starting' : ai.status.state;
}

export function stateSentence(t: Catalogue, ai: AIState | undefined): string {
  switch (shownState(ai)) {
    case 'off':
      return ai?.policy.ceiling === 'off' ? t.aiState.offByAdmin : t.ai.off;
    case 'starting':
      return t.ai.starting;
    case 'catching_up':
      return lateSentence(t, ai?.status.lag_ms ?? 0, ai?.status.load ?? 0);
    case 'paused':
      return t.ai.pausedFor(reasonFor(t, ai?.status.reason ?? ''));
  }
  switch (ai?.policy.level) {
    case 'transcript':
      return t.ai.liveTranscript;
    case 'minutes':
      return t.ai.liveMinutes;
  }
  return t.ai.live;
}

function lateSentence(t: Catalogue, lagMs: number, load: number): string {
  const seconds = Math.max(1, Math.round(lagMs / 1000));
  return load >= overloadedFrom ? t.aiState.overloaded(seconds) : t.ai.catchingUp(seconds);
}

export function reasonFor(t: Catalogue, reason: string): string {
  const known: { readonly [reason: string]: string | undefined } = t.ai.reason;
  return known[reason] ?? t.ai.reason.other;
}
