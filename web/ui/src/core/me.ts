// Who somebody is for the server, and how they may sign in.

import type { components } from './schema';
import { fields, flagOr, isFields, text, textOr } from './shape';

type Schemas = components['schemas'];

export interface Me {
  readonly person: string;
  readonly name: string;
  readonly admin: boolean;
  readonly canCreateRooms: boolean;
  readonly version: string;
  /** '' if the provider gave none that can be trusted. */
  readonly email: string;
  /** Whether this is somebody who has signed in with the identity provider. */
  readonly signedIn: boolean;
  /** Where people sign in; undefined if nobody can. */
  readonly signIn: SignIn | undefined;
}

/** The identity provider. */
export interface SignIn {
  readonly name: string;
  /** Path to open in the browser. */
  readonly url: string;
}

export function readMe(v: unknown): Me {
  const m = fields<Schemas['MeBody']>(v, 'me');
  return {
    person: textOr(m['person'], ''),
    name: textOr(m['name'], ''),
    admin: flagOr(m['admin'], false),
    canCreateRooms: flagOr(m['can_create_rooms'], false),
    version: textOr(m['version'], ''),
    email: textOr(m['email'], ''),
    signedIn: flagOr(m['signed_in'], false),
    signIn: isFields(m['sign_in']) ? readSignIn(m['sign_in']) : undefined,
  };
}

function readSignIn(v: unknown): SignIn {
  const s = fields<Schemas['SignInBody']>(v, 'sign-in');
  return { name: text(s['name'], 'name'), url: text(s['url'], 'url') };
}
