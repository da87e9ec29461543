// Package eval scores captions against what was said. It sees text and times only: no engine, no audio (sounds to try an
// engine with are in asr/eval/sound).
//
// What the figures mean is defined here, once:
//
//   - Word error rate ([Score], [Errors]): substitutions, deletions and insertions by words of the reference, after both
//     texts were brought to one form ([Normalize]). Rates of several texts are those of their sums. The gap is the rate of
//     live finals less that of the same model on the same recordings offline, in points.
//   - First ([Figures]): from the onset of an utterance to the first caption of it, partial or final. An utterance is
//     speech without a pause of half a second, by voice detection or by script.
//   - Final: from the end of an utterance to the final that covers it; if several do, to the last of them. A final that
//     replaces an earlier one of its segment does not count.
//   - Lags of words ([FollowWords], [WordLags]): from the end of a word of the reference to the moments when readers saw it
//     first, when it was stable, and when it was final. Texts are aligned by the fewest errors, partials with the beginning
//     of the words of their segment. Only words that the finals have count. Where no word times are known, [Timed] spreads
//     the words over the utterances by their characters; such lags are right on average and off by some tenths of a second
//     for a single word.
//   - Calm ([Follow], [Calm]): stable characters that a later partial changed, stable words that the final rewrote,
//     words taken back for each word that stayed (normalised erasure).
//   - Never transcribed ([Untranscribed]): utterances that no final overlaps.
//   - Fairness ([Fairness]): the largest over the smallest median delay of the speakers; 1 is equal.
//   - Invented ([Invented]): words on screen, and words stored, where nobody spoke.
//
// Start reading at [Judge].
package eval

// Version rises whenever the same input may score differently than before, or a figure changes its meaning. 2: utterances
// need a final, not any caption, to count as transcribed; words have lags; there are figures of fairness and invention.
const Version = 2
