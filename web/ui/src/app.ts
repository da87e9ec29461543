// The parts that live as long as the page, made once. Views take them from here; the core knows nothing of this file.

import { Api } from './core/api';
import type { Me } from './core/me';
import { brandOf } from './core/brand';
import { Cell } from './core/cell';
import { Finder } from './core/finder';
import { routeOf, type Route } from './core/router';
import { browserShelf, SettingsStore } from './core/settings';
import { fetchFragment, leaveFragment, type Cloakroom } from './core/signin';
import { Language, localeFor, type Locale } from './i18n';

export const api = new Api();
export const finder = new Finder(api);
export const settings = new SettingsStore(browserShelf());
export const language = new Language(settings.all.get().locale || localeFor(navigator.languages));

export const brand = brandOf(document);
/** A meeting is on screen. */
export const inMeeting = new Cell(false);

export const route = new Cell<Route>(routeOf(location.pathname));

/** Goes to a path of the client without loading the page again. */
export function go(path: string): void {
  if (path !== location.pathname + location.hash) history.pushState(null, '', path);
  arrived();
  scrollTo(0, 0);
}

let arrivedAt = location.pathname;

/** Puts the address bar's path into the route, also after back and forward. A new fragment is no new page. */
export function arrived(): void {
  if (location.pathname === arrivedAt) return;
  arrivedAt = location.pathname;
  route.set(routeOf(arrivedAt));
}

/** Takes the fragment and removes it from the address bar and the history entry: it may be a secret. */
export function takeHash(): string {
  const hash = location.hash;
  if (hash !== '') history.replaceState(null, '', location.pathname + location.search);
  return hash;
}

/** Puts into the address bar what of its fragment may stay there. */
export function keepHash(hash: string): void {
  history.replaceState(null, '', location.pathname + location.search + hash);
}

export function chooseLocale(locale: Locale): void {
  settings.change({ locale });
  language.choose(locale);
}

/** What a screen reader says next, politely. Texts that come close together are said as one. */
export const announcement = new Cell('');
const announceAfterMs = 300;
let waiting: string[] = [];

export function announce(text: string): void {
  if (waiting.length === 0) setTimeout(say, announceAfterMs);
  if (waiting.length < 10) waiting = [...waiting, text];
}

function say(): void {
  announcement.set(waiting.join(' '));
  waiting = [];
}

/** Who is here, as far as the server has said. */
export const me = new Cell<Me | undefined>(undefined);

/** Asks who is here. */
export async function whoAmI(): Promise<Me> {
  const who = await api.me();
  me.set(who);
  return who;
}

/** Ends the session, here and at the identity provider. The name that joins with goes with it: others may use the browser. */
export async function signOut(): Promise<void> {
  const on = await api.signOut();
  settings.change({ name: '' });
  location.assign(on === '' ? '/' : on);
}

function cloakroom(): Cloakroom | undefined {
  try {
    return sessionStorage;
  } catch {
    return undefined; // the browser keeps nothing
  }
}

/** Before the browser leaves for the identity provider. */
export function leaveForSignIn(): void {
  leaveFragment(cloakroom(), location.pathname, location.hash);
}

/** When it is back. */
export function backFromSignIn(): void {
  const hash = location.hash === '' ? fetchFragment(cloakroom(), location.pathname) : '';
  if (hash !== '') keepHash(hash);
}
