// Package twin holds the simulated side of a node's boundary: log store,
// key-value store, network, workers. Its stores are plain files, which the
// simulated disk below them may lose the unsynced part of; its network is calls
// to the host, which decides what arrives, and when.
package twin
