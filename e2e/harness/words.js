// Words of a text, and how far two texts are apart.

const numbers = new Map([
  ['zero', '0'], ['one', '1'], ['two', '2'], ['three', '3'], ['four', '4'], ['five', '5'], ['six', '6'],
  ['seven', '7'], ['eight', '8'], ['nine', '9'], ['ten', '10'], ['twenty', '20'], ['thirty', '30'],
]);

/** The words of a text as recognition is measured on: lower case, without punctuation, small numbers as digits. */
export function wordsOf(text) {
  const plain = text.toLowerCase().normalize('NFKC').replaceAll('’', "'").replace(/[^\p{L}\p{N}' ]+/gu, ' ');
  return plain
    .split(/\s+/)
    .map((w) => w.replace(/^'+|'+$/g, ''))
    .filter((w) => w !== '')
    .map((w) => numbers.get(w) ?? w);
}

/** Word error rate of `said` against `reference`: substitutions, deletions and insertions over the reference's words. */
export function wordErrorRate(reference, said) {
  const want = wordsOf(reference);
  const got = wordsOf(said);
  return editDistance(want, got) / want.length;
}

function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, word] of a.entries()) {
    const next = [i + 1];
    for (const [j, other] of b.entries()) {
      next.push(Math.min(row[j + 1] + 1, next[j] + 1, row[j] + (word === other ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}

/** Words of `text` that only the other speaker's reference contains: a sign of one voice under another's name. */
export function strayWords(text, own, other) {
  const ownWords = new Set(wordsOf(own));
  const foreign = new Set(wordsOf(other).filter((w) => w.length > 3 && !ownWords.has(w)));
  return wordsOf(text).filter((w) => foreign.has(w));
}
