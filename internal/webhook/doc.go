// Package webhook tells other programs what happens: a [Listener] reads meetings.v1 and queues news in [storage.Webhooks], a
// [Sender] delivers what waits there, signed as Standard Webhooks says (standardwebhooks.com), tries again for a day, and gives up
// on receivers that are gone. What waits stands in S3, so a restart loses nothing; a delivery may come twice, with the same ID.
//
// Bodies hold opaque IDs, states and times: no speech, no names. docs/webhooks.md is for those who write receivers.
package webhook
