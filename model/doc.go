// Package model is the object model and the state machine of the meta group
// that holds it: the single source of truth for queues, processors, sockets,
// nodes and where things are placed.
//
// A Machine applies commands; a command is checked in full before the first
// write, so that what is refused changes nothing. Everybody else reads: Get,
// List, Groups, Assignments and the other functions over a kv.View.
//
// Three things follow from each change, in the same entry of the log: slots
// are placed anew (model/placement), the status of processors is derived from
// what agents reported, and the partitions concerned are told through the
// outbox. The reply names the messages that a partition must have applied
// before the change is in force.
//
// Deleting. A socket or processor is marked deleting, its partition is told,
// and the object goes when the partition has acknowledged: from then on the
// partition drains by itself what it still holds. A queue goes with its last
// socket. Whether a socket holds calls only its partition knows, so whoever
// proposes a Delete without force looks there first.
package model
