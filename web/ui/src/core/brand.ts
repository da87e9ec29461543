// What the operator calls this service, and its sign. The server writes both into the page's head.

export interface Brand {
  readonly name: string;
  /** Address of the operator's logo on this server; '': the program's own sign. */
  readonly logo: string;
}

export function brandOf(page: ParentNode): Brand {
  const meta = (name: string) => page.querySelector(`meta[name="${name}"]`)?.getAttribute('content') ?? '';
  const logo = meta('souffleur-logo');
  return { name: meta('application-name') || 'Souffleur', logo: logo.startsWith('/theme/') ? logo : '' };
}
