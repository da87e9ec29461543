import { expect, it } from 'vitest';
import { defaults, readSettings, SettingsStore, type Shelf } from './settings';

class Drawer implements Shelf {
  value: string | null = null;
  getItem(): string | null {
    return this.value;
  }
  setItem(_: string, value: string): void {
    this.value = value;
  }
}

it('remembers what was chosen', () => {
  const drawer = new Drawer();
  const chosen = {
    name: 'Ada',
    captionsOn: false,
    captionSize: 'large',
    captionPlace: 'side',
    captionLines: 4,
    captionColours: 'black-cream',
    captionOpacity: 100,
    captionFont: 'atkinson',
    captionSpot: { x: 10, y: 20.5 },
    optOut: true,
  } as const;
  new SettingsStore(drawer).change(chosen);
  expect(new SettingsStore(drawer).all.get()).toEqual({ ...defaults, ...chosen });
});

it.each([
  ['no JSON', '{'],
  ['a list', '[]'],
  ['nothing', null],
])('starts with the defaults from %s', (_, value) => {
  const drawer = new Drawer();
  drawer.value = value;
  expect(new SettingsStore(drawer).all.get()).toEqual(defaults);
});

it('takes what is valid of settings of another version', () => {
  expect(
    readSettings({ locale: 'de', captionSize: 'giant', captionLines: 3, captionsOn: 'yes', captionOpacity: 20 }),
  ).toEqual({
    ...defaults,
    captionLines: 3,
  });
});

it('works where the browser refuses storage', () => {
  const settings = new SettingsStore(undefined);
  settings.change({ name: 'Ada' });
  expect(settings.all.get().name).toBe('Ada');
});
