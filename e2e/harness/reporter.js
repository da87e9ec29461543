// What `npm test` prints: one line for each test, what tests themselves print, and one plain closing line.

export default async function* reporter(events) {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  for await (const { type, data } of events) {
    if (type === 'test:stdout') yield data.message;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (isFile(data)) continue;
    const indent = '  '.repeat(data.nesting);
    const seconds = (data.details.duration_ms / 1000).toFixed(1);
    if (data.skip !== undefined) {
      skipped++;
      yield `${indent}skip  ${data.name} (${data.skip})\n`;
    } else if (type === 'test:pass') {
      passed++;
      yield `${indent}ok    ${data.name} (${seconds} s)\n`;
    } else {
      failed++;
      yield `${indent}FAIL  ${data.name} (${seconds} s)\n${reason(data.details.error)}\n`;
    }
  }
  yield `browser test: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`;
}

// The runner reports each file as a test too.
function isFile(data) {
  return data.nesting === 0 && data.file !== undefined && data.name.endsWith('.test.js');
}

function reason(error) {
  const cause = error?.cause ?? error;
  return `${cause?.stack ?? cause}`
    .split('\n')
    .filter((line) => !line.includes('node:internal/'))
    .slice(0, 16)
    .map((line) => `        ${line}`)
    .join('\n');
}
