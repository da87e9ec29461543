// What a reader may choose of how captions look. Colours stand in styles/captions.css under these names; they are pairs that
// were vetted together, so nobody can choose white on white.

export const captionSizes = ['small', 'medium', 'large', 'xlarge', 'huge'] as const;
export type CaptionSize = (typeof captionSizes)[number];

/** The size of the text, in rem. */
export const captionRem: Readonly<Record<CaptionSize, number>> = {
  small: 1,
  medium: 1.25,
  large: 1.5,
  xlarge: 2,
  huge: 3,
};

/** At the side they take room of their own beside the pictures. */
export const captionPlaces = ['bottom', 'top', 'side'] as const;
export type CaptionPlace = (typeof captionPlaces)[number];

export const captionLines = [2, 3, 4] as const;
export type CaptionLines = (typeof captionLines)[number];

export const captionColours = ['white-black', 'yellow-black', 'black-white', 'black-cream'] as const;
export type CaptionColours = (typeof captionColours)[number];

/** How much of the ground covers the picture behind, in percent: below 75 no pair keeps its contrast on every picture. */
export const captionOpacities = [75, 85, 100] as const;
export type CaptionOpacity = (typeof captionOpacities)[number];

export const captionFonts = ['interface', 'atkinson', 'serif'] as const;
export type CaptionFont = (typeof captionFonts)[number];

/** Where captions were moved to: percent of the free room, 0 is left and top. */
export interface CaptionSpot {
  readonly x: number;
  readonly y: number;
}

export interface CaptionLook {
  readonly captionSize: CaptionSize;
  readonly captionPlace: CaptionPlace;
  readonly captionLines: CaptionLines;
  readonly captionColours: CaptionColours;
  readonly captionOpacity: CaptionOpacity;
  readonly captionFont: CaptionFont;
  /** undefined: where captionPlace says. */
  readonly captionSpot: CaptionSpot | undefined;
}

export const defaultLook: CaptionLook = {
  captionSize: 'medium',
  captionPlace: 'bottom',
  captionLines: 2,
  captionColours: 'white-black',
  captionOpacity: 85,
  captionFont: 'interface',
  captionSpot: undefined,
};

/** Where captions stand that nobody moved. */
export function spotOf(look: Pick<CaptionLook, 'captionPlace' | 'captionSpot'>): CaptionSpot {
  return look.captionSpot ?? { x: 50, y: look.captionPlace === 'top' ? 0 : 100 };
}

/** How far one press of a button or key moves captions, in percent of the free room. */
export const nudge = 10;

export function moved(from: CaptionSpot, dx: number, dy: number): CaptionSpot {
  const within = (v: number) => Math.round(Math.min(100, Math.max(0, v)) * 10) / 10;
  return { x: within(from.x + dx), y: within(from.y + dy) };
}

/** A spot as it was stored; undefined unless it is one. */
export function readSpot(v: unknown): CaptionSpot | undefined {
  if (typeof v !== 'object' || v === null || !('x' in v) || !('y' in v)) return undefined;
  const ok = (n: unknown): n is number => typeof n === 'number' && n >= 0 && n <= 100;
  return ok(v.x) && ok(v.y) ? { x: v.x, y: v.y } : undefined;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Whether two boxes have a point in common. */
export function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
