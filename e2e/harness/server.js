// One Souffleur server of a test, with a data folder and ports of its own.

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binary, onRealServers } from './places.js';
import { childrenOf, freePort, kill, run, start, stop, until } from './processes.js';
import { realServers } from './real.js';

/** Servers of several tests run on one machine: they do not fight for the ports of the other ways to the media. */
const onlyUDP = { SOUFFLEUR_TCP_PORT: '0', SOUFFLEUR_TURN_PORT: '0' };

export class Server {
  /** Starts a server with an empty data folder; `results` takes its log. */
  static async start(results, env = {}) {
    if (!existsSync(binary)) throw new Error(`${binary} is not built: make build models`);
    const data = await mkdtemp(join(tmpdir(), 'souffleur-e2e-'));
    const real = onRealServers ? await realServers(results) : undefined;
    const server = new Server(results, data, await freePort(), real, { ...env, ...real?.env });
    try {
      await server.up();
      return server;
    } catch (e) {
      await server.stop();
      throw e;
    }
  }

  #child;
  #real;
  #env;

  constructor(results, data, port, real, env) {
    this.data = data;
    this.log = join(results, 'server.log');
    this.url = `http://127.0.0.1:${port}`;
    this.#real = real;
    this.#env = env;
  }

  /** Starts the process, also again on the same data and port, and waits for its first answer. */
  async up() {
    const listen = this.url.slice('http://'.length);
    const args = ['serve', '--data', this.data, '--listen', listen, '--udp-port', '0'];
    this.#child = start(binary, args, { log: this.log, env: { ...onlyUDP, ...this.#env } });
    await until(
      `answer of the server (log: ${this.log})`,
      async () => {
        if (this.#child.exitCode !== null) throw new Error(`the server ended by itself; log: ${this.log}`);
        return fetch(`${this.url}/api/v1/health`).then((r) => r.ok, () => false);
      },
      60_000,
    );
  }

  /** kill -9 on the server. */
  async killed() {
    await kill(this.#child);
  }

  /** Waits for the process that recognises speech, and returns its ID. */
  recogniser() {
    return until('a child process that recognises speech', () => childrenOf(this.#child.pid, 'asr')[0], 15_000);
  }

  async stop() {
    await stop(this.#child);
    await this.#real?.stop();
    await rm(this.data, { recursive: true, force: true });
  }

  /** Runs a command of the program on this server. */
  command(...args) {
    return run(binary, [...args, '--data', this.data]);
  }

  async meetings() {
    return JSON.parse(await this.command('meetings', 'list', '--json'));
  }

  /** The stored transcript, as the program's own export gives it. */
  async transcript(meeting) {
    return JSON.parse(await this.command('meetings', 'export', meeting, '--format', 'json'));
  }

  /** The one-time link that makes its reader admin, as printed at the first start. */
  async adminLink() {
    return until('admin link in the log', async () => /\S+\/link#\S+/.exec(await readFile(this.log, 'utf8'))?.[0]);
  }

  /** Creates a room on the command line and returns its link. */
  async room(name, level, lang) {
    return (await this.command('rooms', 'create', name, '--ai', level, '--lang', lang)).trim();
  }
}
