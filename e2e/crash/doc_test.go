// Package crash plays a meeting in which everything that can be killed is killed, and counts what became of what was said.
//
// Twenty people speak at real speed; what they say is scripted, so it is known what must be in the transcript. The recorder,
// the bus, the store, two recognisers and the archiver are those of the program, each but the recorder in a process of its own;
// only the engine and the voice detector are scripted (package asr/asrtest). Meanwhile a recogniser, the archiver and the
// broker (with the embedded store, which is in the same process) are killed with -9 and started again, and a recogniser is
// held still for nine seconds, after which it does not know that its work has gone to the other.
//
//	make test-crash                                        one run of a minute
//	make test-crash CRASH='-runs 10 -seed 7 -json FILE'    ten of them; the seed chooses the moments; FILE with its whole path
//	make test-crash CRASH='-runs 10 -real'                 on Apache Kafka and MinIO
//	make test-crash CRASH=-accents                         a harder look, see below
//
// What two recognisers make of the same audio is the same here, and a record that comes twice harms nobody. With a real engine it may
// be another text under the same ID, of which everybody keeps the first. -accents shows that: nothing that is published twice
// goes unnoticed then. Two checks before publishing leave one chance for it: a process that is held still in the very moment
// between check and write.
//
// Start reading at crash_test.go.
package crash
