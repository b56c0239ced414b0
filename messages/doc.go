// Package messages is the vocabulary of the system: identifiers, commands,
// replies, effects, errors and the public API. It does nothing; every other
// package speaks in its words.
//
// The *.pb.go files are made from the *.proto files by `make generate`.
package messages
