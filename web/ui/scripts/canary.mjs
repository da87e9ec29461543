// Plants a type error and an accessibility error and expects svelte-check to report both: a check that passes without
// looking would otherwise go unnoticed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const folder = mkdtempSync(join(root, 'src', 'canary-'));
const planted = '<script lang="ts">\n  export const planted: number = "text";\n</script>\n<img src="/x.png" />\n';
try {
  writeFileSync(join(folder, 'Canary.svelte'), planted);
  const run = spawnSync('npx', ['svelte-check', '--tsconfig', './tsconfig.json', '--output', 'machine'], {
    cwd: root,
    encoding: 'utf8',
  });
  const typeError = /Canary\.svelte.*not assignable to type/.test(run.stdout);
  const missingAlt = /Canary\.svelte.*alt/.test(run.stdout);
  if (run.status === 0 || !typeError || !missingAlt) {
    process.stderr.write('svelte-check did not report the planted errors: it is not checking\n');
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
