// Package bus is Souffleur's use of Kafka: the topics and their settings, publishing, following a topic by everybody
// ([Bus.Follow]), working through a topic in a group ([Bus.Consume]), and the sealed form of records. It is the only
// package that knows the Kafka client; an embedded broker and a real cluster look the same from here.
//
// Three promises carry the rest of the program. Records of one partition keep their order. A group's position moves only
// when its worker commits, and a worker that has lost its partition cannot commit any more ([ErrFenced]). Whoever reads
// waits out a broker that is away and goes on where it was.
//
// What is not here: what events mean (package meeting), and where keys come from (package storage).
//
// Start reading at [Open], then at [Bus.Publish], [Bus.Follow] and [Bus.Consume]. [SealAudio] and [SealJSON] make the
// values.
package bus
