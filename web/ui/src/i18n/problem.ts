// What a failed call means to the person who made it.

import { ApiError } from '../core/api';
import { EncryptionError } from '../core/e2ee';
import type { Catalogue } from './index';

export function sentenceFor(t: Catalogue, reason: unknown): string {
  if (reason instanceof EncryptionError) return t.e2ee.failed;
  if (!(reason instanceof ApiError)) return t.error.unknown;
  switch (reason.code) {
    case 'network':
      return t.error.network;
    case 'above-ceiling':
      return t.error.aboveCeiling;
    case 'audio-forbidden':
      return t.sound.forbidden;
    case 'encrypted':
      return t.e2ee.noAI;
    case 'meeting-live':
      return t.e2ee.live;
    case 'encryption-needed':
    case 'not-encrypted':
    case 'room-changed':
      return t.e2ee.changed;
    case 'notice-needed':
      return t.notice.changed;
    case 'not-live':
      return t.error.notLive;
    case 'refused':
      return t.error.full;
    case 'overloaded':
      return t.crowded.server.text;
    case 'still-live':
      return t.error.stillLive;
    case 'not-final':
      return t.error.notFinal;
    case 'edited-meanwhile':
      return t.error.editedMeanwhile;
    case 'changed-meanwhile':
      return t.changes.meanwhile;
    case 'no-endpoint':
      return t.minutes.noEndpoint;
    case 'no-transcript':
      return t.minutes.noTranscript;
    case 'nothing-at-minutes':
      return t.minutes.nothingAtLevel;
    case 'no-line':
    case 'no-minutes':
      return t.minutes.noLine;
    case 'empty-line':
      return t.minutes.emptyLine;
    case 'no-segment':
      return t.error.noSegment;
    case 'not-a-transcript':
      return t.error.notTranscript;
    case 'newer-version':
      return t.error.newerVersion;
    case 'already-here':
      return t.error.alreadyHere;
    case 'too-large':
      return t.error.tooLarge;
    case 'bad-name':
      return t.error.badName;
    case 'nothing-wanted':
      return t.error.nothingWanted;
    case 'query-too-long':
      return t.error.queryTooLong;
    case 'search-slow':
      return t.error.searchSlow;
    case 'unfinished':
      return t.error.unfinished;
    case 'above-retention':
      return t.error.aboveRetention;
    case 'bad-webhook-url':
      return t.webhooks.badUrl;
    case 'too-many-webhooks':
      return t.webhooks.tooMany;
    case 'webhook-stopped':
      return t.webhooks.stoppedNow;
    case 'delivery-waiting':
      return t.webhooks.waits;
    case 'webhook-full':
      return t.webhooks.full;
    case 'too-many-tokens':
      return t.tokens.tooMany;
    case 'room-full':
      return t.out.full;
    case 'locked':
      return t.out.locked;
    case 'lobby-full':
      return t.out.lobby_full;
    case 'removed':
      return t.out.removed;
    case 'not-admitted':
      return t.out.not_admitted;
    case 'sign-in-needed':
      return t.access.signInFirst;
    case 'not-member':
      return t.access.notMember;
    case 'no-sign-in':
      return t.access.noProviderOrganizer;
    case 'bad-address':
      return t.access.badAddress;
    case 'too-many-shares':
      return t.share.full;
    case 'no-share':
      return t.share.gone;
  }
  return byStatus(t, reason.status);
}

function byStatus(t: Catalogue, status: number): string {
  switch (status) {
    case 401:
      return t.error.signIn;
    case 403:
      return t.error.forbidden;
    case 404:
    case 410:
      return t.error.notFound;
    case 429:
      return t.error.tooMany;
  }
  return t.error.unknown;
}
