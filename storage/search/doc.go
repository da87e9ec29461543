// Package search finds what was said in meetings: words in any form of French, English and five other languages, whatever their
// accents and case, and phrases in quotes.
//
// The index is a cache on this machine, made by Bleve's engine (scorch) from the transcripts in the object store, and made
// again from them whenever it is missing, damaged or of another version. It holds no text: each segment stands there under
// its ID as a set of blind words. A blind word is eight bytes that HMAC-SHA256 makes of the folded, stemmed word under a
// key that is derived from the archive key of the meeting. So nobody can test a guess without the meeting's key, equal
// words of two meetings look different, and a meeting whose key was deleted cannot be asked for, even before its entries
// have left the disk. No positions and no frequencies are kept: phrases are looked for in the transcripts that the index
// names, and so is every match before it is shown. The files are sealed besides (see [sealFiles]).
//
// Start reading at [Index.Run], which follows the store, [Index.Search], and [words], which says what a word is.
package search
