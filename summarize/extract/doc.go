// Package extract finds in a meeting's sentences the ones that tell most of it, without any language model: what it returns is always
// what somebody said, word for word.
//
// Sentences are weighed by TextRank (Mihalcea and Tarau 2004) and picked greedily by the concepts they add (Gillick and Favre 2009);
// the product of the two was the best or close to the best of nine methods on QMSum and FREDSum. Start at [Pick].
package extract
