// Package roll lists the calls of a socket in the order of their arrival, those
// that have ended apart by how, so that any page of a list is found by a seek.
// Those that run are in no roll: they are few, and known from the slots.
package roll

import (
	"encoding/binary"

	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Keys:
//
//	l/ socket(4) class(1) last(8)   a span of the calls that wait; class is Open
//	l/ socket(4) class(1) share(8)  those of 256 neighbouring calls that ended in one way:
//	                                a byte for each, or from 32 on a bit for each place
//	y/ tracking(16) last(8)         a span of the calls of one run, its root aside
const (
	bySocket = "l/"
	byRun    = "y/"
)

// Class is 0 for calls that have not ended, otherwise their terminal state.
type Class byte

// Open is the class of the calls that have not ended; in a roll of it are those
// that wait.
const Open Class = 0

// Classes are all of them.
var classes = [...]Class{Open, Class(messages.CallState_FINISHED), Class(messages.CallState_FAILED),
	Class(messages.CallState_CANCELLED), Class(messages.CallState_EXPIRED)}

// Classes gives all of them.
func Classes() []Class { return classes[:] }

// Of is the class of a call's state.
func Of(state messages.CallState) Class {
	switch state {
	case messages.CallState_RECEIVED, messages.CallState_WAITING, messages.CallState_QUEUED, messages.CallState_RUNNING:
		return Open
	}
	return Class(state)
}

// Socket is the prefix of a socket's calls of one class.
func Socket(number uint32, class Class) []byte {
	k := binary.BigEndian.AppendUint32(append(make([]byte, 0, 15), bySocket...), number)
	return append(k, byte(class))
}

// Run is the prefix of the spans of a run.
func Run(tracking messages.CallID) []byte { return append([]byte(byRun), tracking[:]...) }

// Wait adds a call that has a record and waits from now on.
func Wait(tx kv.Tx, socket uint32, seq uint64) { span.Put(tx, Socket(socket, Open), span.One(seq)) }

// Leave takes a call that has a record out of those that wait.
func Leave(tx kv.Tx, socket uint32, seq uint64) { span.Drop(tx, Socket(socket, Open), seq) }
