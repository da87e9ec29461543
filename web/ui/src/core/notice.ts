// The notice about the AI that stands before joining: which text it is, and what goes with the request to join. The server
// keeps both with the meeting, so a text that says something else has another version; a test holds on to that.

import type { Room } from './rooms';

/** Of the texts `consent` in the catalogue, one for all languages. */
export const noticeVersion = '1';

/** What somebody is told who joins this room; '' if the AI is off. Go's meeting.ParseNotice reads it. */
export function noticeOf(room: Pick<Room, 'effectiveLevel' | 'keepsAudio'>): string {
  if (room.effectiveLevel === 'off') return '';
  return `${noticeVersion}.${room.effectiveLevel}${room.keepsAudio ? '+sound' : ''}`;
}
