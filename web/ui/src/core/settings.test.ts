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
  new SettingsStore(drawer).change({ name: 'Ada', captionSize: 'large', captionsOn: false });
  expect(new SettingsStore(drawer).all.get()).toEqual({
    ...defaults,
    name: 'Ada',
    captionSize: 'large',
    captionsOn: false,
  });
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
  expect(readSettings({ locale: 'de', captionSize: 'giant', captionLines: 3, captionsOn: 'yes' })).toEqual({
    ...defaults,
    captionLines: 3,
  });
});

it('works where the browser refuses storage', () => {
  const settings = new SettingsStore(undefined);
  settings.change({ name: 'Ada' });
  expect(settings.all.get().name).toBe('Ada');
});
