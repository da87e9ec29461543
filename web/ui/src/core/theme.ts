// Light or dark: what the reader chose, else what the system has; meetings are dark.

export const themeChoices = ['system', 'light', 'dark'] as const;
export type ThemeChoice = (typeof themeChoices)[number];
export type Theme = 'light' | 'dark';

/** inMeeting: pictures are on the screen, which are seen best on a dark ground. */
export function themeOf(choice: ThemeChoice, systemIsDark: boolean, inMeeting: boolean): Theme {
  if (inMeeting) return 'dark';
  if (choice === 'system') return systemIsDark ? 'dark' : 'light';
  return choice;
}
