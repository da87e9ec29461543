// Package summarize is the worker that writes minutes once a meeting is over. What minutes are stands in summarize/minutes, how they
// are written in the engines' packages; here is when, for which segments, by which engine, and who is told.
//
// Workers of several processes share the partitions of meetings.v1. A record of a meeting says that something happened to it, nothing
// more: its live key may be gone, so the worker looks at the store instead. Whoever holds a meeting's partition does its work, goes on
// with what a worker before left, and stops when the partition goes.
//
// Start reading at [Worker.Run]; desk.go decides what is to be done, write.go does it.
package summarize
