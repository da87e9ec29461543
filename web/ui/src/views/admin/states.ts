// Words for the states that the server reports of its parts and of captions.

import type { Catalogue } from '../../i18n';

export function stateName(t: Catalogue, state: string): string {
  const names: { readonly [state: string]: string | undefined } = t.admin.states;
  return names[state] ?? state;
}
