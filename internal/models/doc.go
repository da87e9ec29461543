// Package models gets speech models onto this machine and vouches for them.
//
// What may be installed stands in a manifest (manifest.json): every file with its size and SHA-256, the origins to try in
// order, and the steps that turn the files into the model. Nothing is trusted at first sight: a model without hashes is
// refused, and a file is parsed only after its hash was checked. Archives are read here, entry by entry; nothing in them is
// run. Beside each installed model lies a record of what it was made from.
//
// It does not choose a model for a machine and loads none. Start reading at [Store].
package models
