import { describe, expect, it } from 'vitest';
import {
  anyAudit,
  auditQuery,
  isMeant,
  readAudit,
  readCapacity,
  readDeliveries,
  readModels,
  readNewToken,
  readTokens,
  readWebhooks,
} from './administration';
import { routeOf } from './router';

describe('answers for administrators', () => {
  it('are read', () => {
    const { webhooks, events } = readWebhooks({
      webhooks: [
        { id: 'w', url: 'https://x.example', events: [], created_unix_ms: 1, secrets: 2, stopped: 'gone', dropped: 3 },
      ],
      events: ['meeting.ended'],
    });
    expect(webhooks[0]).toMatchObject({ stopped: 'gone', secrets: 2, dropped: 3, failingSinceUnixMs: 0 });
    expect(events).toEqual(['meeting.ended']);
    const attempts = [{ at_unix_ms: 1, took_ms: 5, failure: 'timeout' }];
    const delivery = {
      id: 'd',
      event: 'e',
      created_unix_ms: 1,
      state: 'waiting',
      next_unix_ms: 9,
      attempts,
      body: { a: 1 },
    };
    expect(readDeliveries({ deliveries: [delivery], next: 'd' }).deliveries[0]).toMatchObject({
      body: '{\n "a": 1\n}',
      attempts: [{ status: 0, failure: 'timeout' }],
    });
    const token = { id: 't', name: 'Robot', scope: 'read', created_unix_ms: 1 };
    expect(readTokens({ tokens: [token] })[0]).toMatchObject({ lastUsedUnixMs: 0, expiresUnixMs: 0 });
    expect(readNewToken({ token, secret: 's' }).secret).toBe('s');
    const entry = { at_unix_ms: 1, actor: 'a', role: 'admin', action: 'token.create' };
    expect(readAudit({ entries: [entry], next: '' }).entries[0]).toMatchObject({ object: '', reason: '' });
    expect(
      readModels({ models: [{ name: 'm', state: 'verified', size: 1, uses: ['finals'] }], known: true }).known,
    ).toBe(true);
    expect(readCapacity({ speakers: 2, rooms: [{ room: 'r', level: 'off' }] })).toMatchObject({
      speakers: 2,
      queue: 0,
    });
    expect(readCapacity(undefined).rooms).toEqual([]);
  });

  it('that are not what was promised are refused', () => {
    expect(() => readWebhooks({ webhooks: [{ id: 'w' }] })).toThrow();
    expect(() => readTokens({ tokens: [{ id: 't', scope: 'root' }] })).toThrow();
    expect(() =>
      readDeliveries({ deliveries: [{ id: 'd', event: 'e', created_unix_ms: 1, state: 'lost' }] }),
    ).toThrow();
    expect(() => readAudit({ entries: [{ action: 'x' }] })).toThrow();
  });
});

describe('the audit', () => {
  it('is asked for what was chosen only', () => {
    expect(auditQuery(anyAudit, '')).toBe('');
    expect(auditQuery({ ...anyAudit, action: ' ai.level ', object: 'rooms/a b' }, '2026-11-26/01A')).toBe(
      '?action=ai.level&object=rooms%2Fa+b&after=2026-11-26%2F01A',
    );
  });
});

describe('rooms', () => {
  it('are found by name and code', () => {
    const room = { id: 'kfm-rtqw-xzdp', name: 'Réunion du mardi' };
    for (const typed of ['', 'reunion', 'MARDI réu', 'rtqw', '  mardi  kfm '])
      expect(isMeant(room, typed), typed).toBe(true);
    expect(isMeant(room, 'reunion jeudi')).toBe(false);
  });
});

describe('pages of the administration', () => {
  it('have addresses', () => {
    expect(routeOf('/admin')).toEqual({ view: 'admin', page: 'rooms' });
    expect(routeOf('/admin/audit')).toEqual({ view: 'admin', page: 'audit' });
    expect(routeOf('/admin/secrets')).toEqual({ view: 'lost' });
    expect(routeOf('/admin/audit/more')).toEqual({ view: 'lost' });
  });
});
