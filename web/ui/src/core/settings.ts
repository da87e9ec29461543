// What this browser remembers of its reader. Nothing here leaves the browser.

import { Cell } from './cell';
import {
  captionColours,
  captionFonts,
  captionLines,
  captionOpacities,
  captionPlaces,
  captionSizes,
  defaultLook,
  readSpot,
  type CaptionLook,
} from './look';
import { isFields, textOr } from './shape';
import { stageModes, type StageMode } from './stage';
import { themeChoices, type ThemeChoice } from './theme';

export interface Settings extends CaptionLook {
  /** Chosen language of the interface, '' for the browser's. */
  readonly locale: '' | 'en' | 'fr';
  readonly name: string;
  readonly mic: string;
  readonly camera: string;
  readonly output: string;
  readonly captionsOn: boolean;
  readonly shortcuts: boolean;
  /** Whether a screen reader is given each final sentence; the transcript panel has to be open. */
  readonly announceFinals: boolean;
  /** Everybody in a grid, or who speaks large. */
  readonly stage: StageMode;
  /** Do not transcribe me: chosen before joining, or in the last meeting. */
  readonly optOut: boolean;
  /** Of pages outside a meeting. */
  readonly theme: ThemeChoice;
}

export const defaults: Settings = {
  ...defaultLook,
  locale: '',
  name: '',
  mic: '',
  camera: '',
  output: '',
  captionsOn: true,
  shortcuts: true,
  announceFinals: false,
  stage: 'grid',
  optOut: false,
  theme: 'system',
};

const key = 'souffleur.settings';

/** Where settings are kept; a browser may refuse storage, then they last as long as the page. */
export interface Shelf {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

export class SettingsStore {
  readonly all: Cell<Settings>;
  readonly #shelf: Shelf | undefined;

  constructor(shelf: Shelf | undefined) {
    this.#shelf = shelf;
    this.all = new Cell(read(shelf));
  }

  change(change: Partial<Settings>): void {
    this.all.update((now) => ({ ...now, ...change }));
    try {
      this.#shelf?.setItem(key, JSON.stringify(this.all.get()));
    } catch {
      // Storage is full or refused: the choice holds for this page.
    }
  }
}

function read(shelf: Shelf | undefined): Settings {
  try {
    const raw: unknown = JSON.parse(shelf?.getItem(key) ?? '{}');
    return isFields(raw) ? readSettings(raw) : defaults;
  } catch {
    return defaults;
  }
}

/** Takes what is valid and the default for the rest: an older version may have written it. */
export function readSettings(raw: { readonly [name: string]: unknown }): Settings {
  const pick = <T>(v: unknown, of: readonly T[], fallback: T): T => of.find((o) => o === v) ?? fallback;
  return {
    locale: pick(raw['locale'], ['', 'en', 'fr'] as const, ''),
    name: textOr(raw['name'], '').slice(0, 80),
    mic: textOr(raw['mic'], ''),
    camera: textOr(raw['camera'], ''),
    output: textOr(raw['output'], ''),
    captionsOn: pick(raw['captionsOn'], [true, false], defaults.captionsOn),
    captionSize: pick(raw['captionSize'], captionSizes, defaults.captionSize),
    captionPlace: pick(raw['captionPlace'], captionPlaces, defaults.captionPlace),
    captionLines: pick(raw['captionLines'], captionLines, defaults.captionLines),
    captionColours: pick(raw['captionColours'], captionColours, defaults.captionColours),
    captionOpacity: pick(raw['captionOpacity'], captionOpacities, defaults.captionOpacity),
    captionFont: pick(raw['captionFont'], captionFonts, defaults.captionFont),
    captionSpot: readSpot(raw['captionSpot']),
    shortcuts: pick(raw['shortcuts'], [true, false], defaults.shortcuts),
    announceFinals: pick(raw['announceFinals'], [true, false], defaults.announceFinals),
    stage: pick(raw['stage'], stageModes, defaults.stage),
    optOut: pick(raw['optOut'], [true, false], defaults.optOut),
    theme: pick(raw['theme'], themeChoices, defaults.theme),
  };
}

export function browserShelf(): Shelf | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined; // refused by the browser's privacy settings
  }
}
