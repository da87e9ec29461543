// Package backup copies all objects of an installation into a folder and back, through the S3 protocol: the embedded
// store and any other are saved in the same way, while the server runs. What is sealed stays sealed, and the master key is
// no part of it.
//
// Not copied are live keys, which open only what is on Kafka; and sign-ins and one-time links, which would be valid again.
//
// The folder has a list, [listName], and one file for each distinct content, named by its SHA-256. Names of objects never
// become names of files, so a forged list cannot reach out of the folder, and a damaged file is noticed.
//
// Start reading at [Save] and [Restore].
package backup
