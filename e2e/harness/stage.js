// What every test of meetings needs around it: a server, people, and what to keep when a test fails.

import { AssertionError } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { resultsOf } from './places.js';
import { Person } from './person.js';
import { Server } from './server.js';

export class Stage {
  #people = [];
  #failed = false;
  #stuck = false;

  /** Starts a server for the test `name`; env are further settings. */
  static async set(name, env) {
    const results = resultsOf(name);
    return new Stage(results, await Server.start(results, env));
  }

  constructor(results, server) {
    this.results = results;
    this.server = server;
  }

  async person(name, options) {
    const person = await Person.arrive(name, options);
    this.#people.push(person);
    return person;
  }

  /**
   * Runs one step of the test; the first failure keeps pictures and caption logs. After a step that got stuck (not one
   * whose result was wrong), the story cannot go on, and the later steps are skipped. So is a step with a reason in skip.
   */
  async step(t, name, body, skip) {
    await t.test(name, { skip: this.#stuck ? 'an earlier step got stuck' : skip }, async () => {
      try {
        await body();
      } catch (e) {
        if (!this.#failed) await this.#keep();
        this.#failed = true;
        this.#stuck ||= !(e instanceof AssertionError);
        throw e;
      }
    });
  }

  async #keep() {
    for (const person of this.#people) {
      const file = join(this.results, person.name);
      await person.page.screenshot({ path: `${file}.png` }).catch(() => undefined);
      const log = await person.log().catch((e) => ({ lost: e.message }));
      writeFileSync(`${file}.json`, JSON.stringify({ ...log, complaints: person.complaints }, null, 1));
    }
  }

  async clear() {
    await Promise.all(this.#people.map((p) => p.goHome()));
    await this.server.stop();
  }
}
