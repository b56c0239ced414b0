// Package actors carries out what the partitions decide: it leads calls from a
// partition's leader to the slots of the nodes, and their outcomes back.
//
// On each node lives one agent. It has a slot for each CPU that the model
// placed there, and each slot owns one worker process. On the leader of a
// partition each lease is sent to the slot that holds it, and one actor per busy
// socket, its cursor, sends it again until the slot lists it as held.
//
//	Partition (Observer of a group)   ──►   Agent (one per node)
//	  └ cursor, one per busy socket           └ slot, one per CPU
//	                                              └ owner of one worker
//
// No actor's mailbox is durable, and no message between nodes is sure to
// arrive: an actor is a cursor over the log, and what it forgets is derived
// again from the partition's state. Whatever an actor does twice is fenced by
// the number of the attempt.
package actors
