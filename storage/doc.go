// Package storage keeps what outlives a meeting: rooms, meetings, transcripts, sign-ins, settings and the audit, as
// small objects in one bucket of an S3-compatible store. There is no other database. It also moves the finals from
// Kafka into that bucket ([Archiver]). Exports to subtitle and text formats are in storage/export.
//
// Everything goes through minio-go, whether the store is the embedded one, MinIO or AWS. Documents change by conditional
// writes: read, change, write if nobody else did, else again. Names and texts are sealed; in clear stand opaque IDs,
// times, sizes and levels.
//
// Start reading at [Store] (objects), [Keyring] (what opens them), [Meetings] and [Archiver].
package storage
