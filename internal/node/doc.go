// Package node holds the live side of meetings on one machine: it opens a meeting when the first person joins its room,
// keeps its roster, policy and AI state, lets the recorder in and throws it out, serves captions to the people in it,
// and ends it. It joins what must not know each other: sfu (media), bot (Kafka), storage (S3) and web (HTTP).
//
// Start reading at [Node] and live, one meeting.
package node
