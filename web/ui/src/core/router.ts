// Addresses of the client. Secrets come in the fragment, which browsers send to no server; whoever reads one removes it
// from the address bar at once.

export const adminPages = ['rooms', 'capacity', 'audit', 'retention', 'models', 'webhooks', 'tokens'] as const;
export type AdminPage = (typeof adminPages)[number];

export type Route =
  | { readonly view: 'home' | 'meetings' | 'link' | 'sign-in' | 'lost' }
  | { readonly view: 'admin'; readonly page: AdminPage }
  | { readonly view: 'room'; readonly room: string }
  | { readonly view: 'transcript'; readonly meeting: string };

export function routeOf(path: string): Route {
  const [first = '', second = '', ...more] = path.split('/').filter(Boolean).map(decoded);
  if (more.length > 0) return { view: 'lost' };
  if (second !== '') {
    if (first === 'r') return { view: 'room', room: second };
    if (first === 'm') return { view: 'transcript', meeting: second };
    const page = adminPages.find((p) => p === second);
    return first === 'admin' && page ? { view: 'admin', page } : { view: 'lost' };
  }
  switch (first) {
    case '':
      return { view: 'home' };
    case 'meetings':
    case 'link':
    case 'sign-in':
      return { view: first };
    case 'admin':
      return { view: 'admin', page: 'rooms' };
  }
  return { view: 'lost' };
}

function decoded(s: string): string {
  try {
    return decodeURIComponent(s);
  } catch {
    return s;
  }
}

/** The secret of an organizer link's fragment, '' if there is none. */
export function organizerSecret(hash: string): string {
  return hashPart(hash, 'organizer');
}

/** The key of an end-to-end encrypted room in a link's fragment, as it stands there; '' if there is none. */
export function roomKey(hash: string): string {
  return hashPart(hash, 'key');
}

function hashPart(hash: string, name: string): string {
  const part = hash
    .replace(/^#/, '')
    .split('&')
    .find((p) => p.startsWith(`${name}=`));
  return part?.slice(name.length + 1) ?? '';
}

/** The segment that the fragment of a transcript's address names, '' if there is none. */
export function segmentOf(hash: string): string {
  return /^#seg-([a-z0-9-]{1,64})$/.exec(hash)?.[1] ?? '';
}

/** The moment that the fragment of a transcript's address names ("#t=754.2", seconds of the room clock), in ms. */
export function momentOf(hash: string): number | undefined {
  const found = /^#t=(\d{1,7}(?:\.\d{1,3})?)$/.exec(hash)?.[1];
  return found === undefined ? undefined : Math.round(Number(found) * 1000);
}

/** The fragment that names a moment. */
export function momentHash(ms: number): string {
  return `#t=${ms / 1000}`;
}

const roomForm = /^[bcdfghjkmnpqrstvwxz]{3}-[bcdfghjkmnpqrstvwxz]{4}-[bcdfghjkmnpqrstvwxz]{4}$/;
const inLink = /\/r\/([a-z-]+)(#.*)?$/;

/**
 * What a person typed to enter a room: a link, "kfm-rtqw-xzdp" or the same letters without dashes, in any case.
 * Returns the path to go to, or undefined.
 */
export function roomPath(typed: string): string | undefined {
  const link = inLink.exec(typed.trim());
  const letters = (link?.[1] ?? typed).toLowerCase().replace(/[^a-z]/g, '');
  const room = `${letters.slice(0, 3)}-${letters.slice(3, 7)}-${letters.slice(7)}`;
  return roomForm.test(room) ? `/r/${room}${link?.[2] ?? ''}` : undefined;
}
