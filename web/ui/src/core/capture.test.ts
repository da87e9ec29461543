import { expect, it } from 'vitest';
import { shouldReopen } from './capture';

const device = (id: string, group: string) => ({ id, label: id, group });
const desk = [device('default', 'headset'), device('a', 'headset'), device('b', 'webcam')];

it.each([
  ['the system’s choice is what is open', '', { deviceId: 'default', groupId: 'headset' }, false],
  ['the system has chosen another', '', { deviceId: 'default', groupId: 'webcam' }, true],
  ['the browser does not say what is open', '', {}, false],
  ['the remembered one is open', 'b', { deviceId: 'b', groupId: 'webcam' }, false],
  ['the remembered one has come back', 'b', { deviceId: 'a', groupId: 'headset' }, true],
  ['the remembered one is still unplugged', 'c', { deviceId: 'a', groupId: 'headset' }, false],
])('%s', (_, remembered, open, reopens) => {
  expect(shouldReopen(desk, remembered, open)).toBe(reopens);
});

it('leaves a device alone where the system’s choice has no name', () => {
  expect(shouldReopen([device('a', 'headset')], '', { groupId: 'webcam' })).toBe(false);
});
