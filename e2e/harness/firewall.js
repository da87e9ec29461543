// Takes the network away from one UDP port of this machine, and gives it back. Needs root and nft (Debian: nftables).

import { run } from './processes.js';

const table = `souffleur_e2e_${process.pid}`;

/** Why ports cannot be blocked here; undefined: they can. */
export async function whyNot() {
  if (process.getuid?.() !== 0) return 'blocking a port needs root';
  try {
    await run('nft', ['add', 'table', 'inet', table]);
    await run('nft', ['delete', 'table', 'inet', table]);
    return undefined;
  } catch (e) {
    return `blocking a port needs nft: ${e.message}`;
  }
}

/** Drops every packet to and from these UDP ports until the returned function is called. */
export async function blockUDP(ports) {
  const set = `{ ${ports.join(', ')} }`;
  const rules = ['type filter hook input priority 0;', `udp dport ${set} drop`, `udp sport ${set} drop`];
  await run('nft', [`table inet ${table} {\nchain input {\n${rules.join('\n')}\n}\n}`]);
  return () => run('nft', ['delete', 'table', 'inet', table]);
}
