// Takes the media's network away: drops the packets of one UDP port on this machine, both ways. Needs root and nft.

import { run } from './processes.js';

const table = `souffleur_test_${process.pid}`;

/** Why nothing can be blocked here, or undefined. */
export async function cannotBlock() {
  if (process.getuid?.() !== 0) return 'only root can block a port';
  try {
    await run('nft', ['add', 'table', 'inet', table]);
    await run('nft', ['delete', 'table', 'inet', table]);
    return undefined;
  } catch (e) {
    return `nft does not work here: ${e.message}`;
  }
}

/** Blocks the port, waits for `body`, and opens it again, whatever happened. */
export async function whileBlocked(port, body) {
  const rules = ['input', 'output'].map(
    (hook) => `chain ${hook} { type filter hook ${hook} priority 0; udp dport ${port} drop; udp sport ${port} drop; }`,
  );
  await run('nft', [`table inet ${table} { ${rules.join(' ')} }`]);
  try {
    return await body();
  } finally {
    await run('nft', ['delete', 'table', 'inet', table]);
  }
}
