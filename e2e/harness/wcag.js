// Pages against WCAG 2.2, levels A and AA, as far as axe can tell.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const script = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8');
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** Fails when axe finds anything on the page, or when the page is wider than its window. */
export async function assertAccessible(page, name) {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(script);
  const { violations } = await page.evaluate((values) => axe.run(document, { runOnly: { type: 'tag', values } }), rules);
  const where = (v) => `${v.id} (${v.impact}): ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`;
  assert.deepEqual(violations.map(where), [], name);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${name} is ${overflow} px wider than its window`);
}
