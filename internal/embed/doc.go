// Package embed runs the servers that a single machine needs, inside the process: a broker that speaks the Kafka
// protocol and a store that speaks S3. Both keep durable data in a directory of their own, listen on loopback only, and
// come back on the same port after a restart. The rest of the program reaches them over their protocols, exactly as it
// would reach real ones; nothing else of this package is known to it.
//
// It is not for several machines, and it does not outlive a power failure to the last second: see [StartBroker].
//
// Start reading at [StartBroker] and [StartS3].
package embed
