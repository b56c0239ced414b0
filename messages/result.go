package messages

import "google.golang.org/protobuf/proto"

// Result is what applying one command gives.
type Result struct {
	Reply *Reply
	// Effects are for the leader to carry out, in order: Start, Abort and Ended
	// from partitions; none from the meta group, whose changes are read from
	// its state.
	Effects []proto.Message
	// Posted: the command's entry put messages for other groups into the outbox.
	Posted bool
}

// Refused is the result of a command that changed nothing.
func Refused(err *Error) Result { return Result{Reply: &Reply{Error: err.Info()}} }
