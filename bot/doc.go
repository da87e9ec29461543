// Package bot is the hidden participant of a meeting. A [Recorder] hears every audio track inside the process, before
// the SFU chooses the loudest, and writes it sealed to Kafka without decoding it. A [Prompter] reads captions and
// finals from Kafka and hands them to the meetings they belong to.
//
// Bots stand in no roster, but what they do is always announced by the AI state of the room. The package knows Kafka
// through internal/bus and the SFU through the types of its audio listener; it knows no HTTP and no engine.
package bot
