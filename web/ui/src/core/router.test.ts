import { describe, expect, it } from 'vitest';
import { organizerSecret, roomKey, roomPath, routeOf, segmentOf, momentHash, momentOf } from './router';

describe('addresses', () => {
  it.each([
    ['/', { view: 'home' }],
    ['/r/kfm-rtqw-xzdp', { view: 'room', room: 'kfm-rtqw-xzdp' }],
    ['/m/01K9QJ5X8T3Z0V6B7N4M2C1D0E', { view: 'transcript', meeting: '01K9QJ5X8T3Z0V6B7N4M2C1D0E' }],
    ['/meetings', { view: 'meetings' }],
    ['/admin/', { view: 'admin', page: 'rooms' }],
    ['/link', { view: 'link' }],
    ['/sign-in', { view: 'sign-in' }],
    ['/r/', { view: 'lost' }],
    ['/r/a/b', { view: 'lost' }],
    ['/elsewhere', { view: 'lost' }],
    ['/r/%E0%A4%A', { view: 'room', room: '%E0%A4%A' }],
  ])('%s', (path, route) => {
    expect(routeOf(path)).toEqual(route);
  });

  it('carry an organizer secret in the fragment', () => {
    expect(organizerSecret('#organizer=s3cret')).toBe('s3cret');
    expect(organizerSecret('#other')).toBe('');
    expect(organizerSecret('')).toBe('');
    expect(organizerSecret('#organizer=s3cret&key=K-_1')).toBe('s3cret');
    expect(roomKey('#organizer=s3cret&key=K-_1')).toBe('K-_1');
    expect(roomKey('#key=K-_1')).toBe('K-_1');
    expect(roomKey('#organizer=key')).toBe('');
  });
});

describe('the segment of a transcript', () => {
  it.each([
    ['#seg-abcdefghijklmnopqrstuv27', 'abcdefghijklmnopqrstuv27'],
    ['#seg-', ''],
    ['#seg-a"]', ''],
    ['#organizer=s3cret', ''],
    ['', ''],
  ])('is in "%s"', (hash, segment) => {
    expect(segmentOf(hash)).toBe(segment);
  });
});

describe('a moment in an address', () => {
  it.each([
    ['#t=754.2', 754_200],
    ['#t=0', 0],
    ['#t=12.345', 12_345],
    ['#t=-1', undefined],
    ['#t=12345678', undefined],
    ['#t=1e3', undefined],
    ['#seg-abc', undefined],
    ['', undefined],
  ])('%s', (hash, ms) => {
    expect(momentOf(hash)).toBe(ms);
    if (ms !== undefined) expect(momentOf(momentHash(ms))).toBe(ms);
  });
});

describe('what a person types to enter a room', () => {
  it.each([
    ['kfm-rtqw-xzdp', '/r/kfm-rtqw-xzdp'],
    [' KFM RTQW XZDP ', '/r/kfm-rtqw-xzdp'],
    ['kfmrtqwxzdp', '/r/kfm-rtqw-xzdp'],
    ['https://meet.example/r/kfm-rtqw-xzdp', '/r/kfm-rtqw-xzdp'],
    ['http://localhost:8080/r/kfm-rtqw-xzdp#organizer=s3cret', '/r/kfm-rtqw-xzdp#organizer=s3cret'],
    ['hello', undefined],
    ['', undefined],
    ['aei-ouae-iouy', undefined],
  ])('%s', (typed, path) => {
    expect(roomPath(typed)).toBe(path);
  });
});
