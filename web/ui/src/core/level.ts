// How far the AI goes in a room; each level includes the one before. The words are those of the API.

export const levels = ['off', 'captions', 'transcript', 'minutes'] as const;
export type Level = (typeof levels)[number];

export const roles = ['participant', 'organizer', 'admin'] as const;
export type Role = (typeof roles)[number];

/** Whether a room whose ceiling is `ceiling` may be set to `level`. */
export function allowed(level: Level, ceiling: Level): boolean {
  return levels.indexOf(level) <= levels.indexOf(ceiling);
}

export function isStored(level: Level): boolean {
  return level === 'transcript' || level === 'minutes';
}

/** Whether somebody of this role may switch the AI and end the meeting. */
export function mayRun(role: Role): boolean {
  return role !== 'participant';
}
