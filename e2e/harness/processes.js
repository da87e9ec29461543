// Child processes, free ports and waiting. Only processes that were started here are ever signalled.

import { spawn } from 'node:child_process';
import { createWriteStream, readdirSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Starts a program; its output goes to the file `log`. */
export function start(program, args, { log, env = {}, cwd } = {}) {
  const out = createWriteStream(log, { flags: 'a' });
  const child = spawn(program, args, { env: { ...process.env, ...env }, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.pipe(out, { end: false });
  child.stderr.pipe(out, { end: false });
  child.on('error', (e) => out.write(`${program}: ${e.message}\n`));
  child.gone = new Promise((resolve) => child.once('close', resolve)).then(() => out.end());
  return child;
}

export function running(child) {
  return child !== undefined && child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/** Ends a child politely, after `patienceMs` by force, and waits until it is gone. */
export async function stop(child, patienceMs = 10_000) {
  if (!running(child)) return;
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  await child.gone;
  clearTimeout(force);
}

/** kill -9, and waits until it is gone. */
export async function kill(child) {
  child.kill('SIGKILL');
  await child.gone;
}

/** Runs a program to its end and returns what it printed; rejects with its complaint. */
export async function run(program, args, { env = {}, cwd, timeoutMs = 60_000 } = {}) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, cwd, timeout: timeoutMs });
  let out = '';
  let complaint = '';
  child.stdout.on('data', (b) => (out += b));
  child.stderr.on('data', (b) => (complaint += b));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: exit ${code}: ${complaint.trim()}`);
  return out;
}

/** Process IDs of a process's own children whose command line contains `word`. */
export function childrenOf(pid, word) {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => parentOf(entry) === pid && commandOf(entry).includes(word))
    .map(Number);
}

function parentOf(pid) {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]); // the name in brackets may contain anything
}

function commandOf(pid) {
  return readOrEmpty(`/proc/${pid}/cmdline`).split('\0');
}

function readOrEmpty(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // the process has ended meanwhile
  }
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Asks `question` until its answer is true-ish and returns that; says `what` was awaited if time is up. */
export async function until(what, question, timeoutMs = 15_000, everyMs = 100) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const answer = await question();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`waited ${timeoutMs / 1000} s in vain: ${what}`);
    await sleep(everyMs);
  }
}
