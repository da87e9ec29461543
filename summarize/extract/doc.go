// Package extract writes minutes without any language model: what it writes is always what somebody said, word for word but for fillers.
//
// Sentences are weighed by TextRank (Mihalcea and Tarau 2004) and picked greedily by the concepts they add (Gillick and Favre 2009); the
// product of the two was the best or close to the best of nine methods on QMSum and FREDSum. 150 words picked of each of the 35 meetings of
// QMSum's test set have a ROUGE-1/2/L F1 of 26.2/4.0/13.7 with its summaries of whole meetings, their first 150 words 20.3/3.8/12.0
// (make bench-minutes). Decisions, actions and questions are those of package cues. Start at [Writer.Write].
package extract
