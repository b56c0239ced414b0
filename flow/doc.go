// Package flow is the state machine of one partition: it accepts calls, leases
// them to slots, and gives each its one terminal state.
//
// It is pure: a command, an index and a time go in; writes to a key-value store,
// a reply and effects come out. Every replica of the partition computes the
// same. Shells read its state through the functions over kv.View (GetCall,
// ListCalls, Leases, …), and never write it.
//
// The life of a command is one step (step.go): the objects it touches are
// loaded once, changed in memory and written back at its end, after credits
// that became free have been handed to calls that wait (dispatch.go). Each
// command has a file of its own. DESIGN.md beside this file tells how the state
// is laid out in keys, and why.
package flow
