// An identity provider of a test: a real one, with people of its own.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './places.js';
import { freePort, run, start, stop, until } from './processes.js';

export class Provider {
  /** Chooses where the provider will be, and builds it; `results` takes its log. */
  static async plan(results, people) {
    const program = join(results, 'provider');
    await run('go', ['build', '-o', program, './e2e/provider'], { cwd: repository, timeoutMs: 240_000 });
    return new Provider(results, program, await freePort(), people);
  }

  #child;

  constructor(results, program, port, people) {
    this.results = results;
    this.program = program;
    this.people = people;
    this.port = port;
    this.url = `http://localhost:${port}`; // another site than the server's, as browsers count
  }

  /** Settings of a server whose people sign in here. */
  get env() {
    return {
      SOUFFLEUR_OIDC_ISSUER: this.url,
      SOUFFLEUR_OIDC_CLIENT_ID: 'souffleur',
      SOUFFLEUR_OIDC_CLIENT_SECRET: 'only for this test',
      SOUFFLEUR_OIDC_SCOPES: 'given_name,usual_name,email',
      SOUFFLEUR_OIDC_NAME: 'Example Staff',
      SOUFFLEUR_OIDC_ADMINS: 'groups=masters',
    };
  }

  /** Starts it for a server. */
  async up(server) {
    const config = join(this.results, 'provider.json');
    writeFileSync(config, JSON.stringify({
      Issuer: this.url, People: this.people, ClientID: 'souffleur', ClientSecret: 'only for this test',
      Redirect: `${server.url}/api/v1/session/oidc/callback`, SignedOut: `${server.url}/`, SignUserinfo: true,
    }));
    this.#child = start(this.program, ['-listen', `127.0.0.1:${this.port}`, '-config', config], { log: join(this.results, 'provider.log') });
    await until('answer of the provider', () =>
      fetch(`http://127.0.0.1:${this.port}/.well-known/openid-configuration`).then((r) => r.ok, () => false));
  }

  async stop() {
    await stop(this.#child);
  }
}
