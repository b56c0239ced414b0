package api

import (
	"errors"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/api/spread"
	"github.com/elasticcode/flow/messages"
)

// keyOf checks a client's key, or makes one.
func keyOf(op, key string) (string, error) {
	switch {
	case key == "":
		made, err := uuid.NewV7()
		return made.String(), err
	case len(key) > messages.MaxKey:
		return "", messages.Errorf(messages.Invalid, op, "id "+key[:16]+"…", "a key has at most %d bytes, and this one has %d", messages.MaxKey, len(key))
	case strings.Contains(key, "\x00"):
		return "", messages.Errorf(messages.Invalid, op, "id", "a key may not hold the character NUL")
	}
	return key, nil
}

// argumentsOf reads the arguments of a request. They share its memory.
func argumentsOf(m *messages.RunRequest) (*messages.Arguments, error) {
	if m.Data != nil {
		return spread.Data([]byte(m.GetData()))
	}
	positional, err := spread.Positional(m.Positional)
	if err != nil {
		return nil, err
	}
	named, err := spread.Named(m.Named)
	if err != nil {
		return nil, err
	}
	return &messages.Arguments{Positional: positional, Named: named}, nil
}

// wrongArguments begins the reason why arguments do not fit a function.
const wrongArguments = "wrong arguments for "

// checked refuses arguments that are over the limit, or do not fit the function.
func checked(op string, t *target, args *messages.Arguments) error {
	if size := args.Inline(); size > messages.MaxValue {
		return messages.Errorf(messages.Invalid, op, "socket "+t.name, "data over the limit: the arguments have %d bytes, and a call may have %d (%d MiB)",
			size, messages.MaxValue, messages.MaxValue>>20).WithHint("put large data where the function can read it, and send its name")
	}
	if t.unchecked {
		return nil
	}
	if err := t.signature.check(args); err != nil {
		return messages.Errorf(messages.Invalid, op, "socket "+t.name, wrongArguments+"%s: %v", t.signature, err)
	}
	return nil
}

// spreading adds to a refusal of arguments how the data became them.
func spreading(err error, data *string, args *messages.Arguments) error {
	if err == nil {
		return nil
	}
	var refused *messages.Error
	if data == nil && len(args.GetPositional())+len(args.GetNamed()) > 0 || !errors.As(err, &refused) || !strings.HasPrefix(refused.Reason, wrongArguments) {
		return err
	}
	switch {
	case data == nil:
		return refused.WithHint("no arguments came")
	case len(args.Named) > 0:
		return refused.WithHint("an object is spread over the named arguments; to send one as a value, put it in a list")
	case strings.HasPrefix(strings.TrimSpace(*data), "["):
		return refused.WithHint("a list is spread over the positional arguments; to send one as a value, put it in a list")
	}
	return refused.WithHint("data that is neither a list nor an object is one argument; send several as a list")
}

// trackingOf reads the run that a call is to belong to.
func trackingOf(op, tracking string) ([]byte, error) {
	if tracking == "" {
		return nil, nil
	}
	id, err := messages.ParseCallID(tracking)
	if err != nil {
		return nil, messages.Errorf(messages.Invalid, op, "tracking "+tracking, "not the id of a call")
	}
	return id.Bytes(), nil
}

// enqueueOf makes the command that a request is.
func enqueueOf(op string, t *target, m *messages.RunRequest, key, owner string) (*messages.Enqueue, error) {
	args, err := argumentsOf(m)
	if err != nil {
		return nil, messages.Errorf(messages.Invalid, op, "socket "+t.name, "%v", err).WithHint("data is JSON text")
	}
	if m.ToGate {
		err = oneForGate(op, t, args)
	} else {
		err = spreading(checked(op, t, args), m.Data, args)
	}
	if err != nil {
		return nil, err
	}
	tracking, err := trackingOf(op, m.Tracking)
	if err != nil {
		return nil, err
	}
	return &messages.Enqueue{
		Id: messages.NewCallID(key, t.partition, 0).Bytes(), Socket: t.id, Arguments: args, Content: contentOf(t.id, args),
		Owner: owner, Priority: m.Priority, Tracking: tracking, ToGate: m.ToGate,
	}, nil
}

// oneForGate refuses what is not one argument for a gate. Which arguments the
// gate waits for, its partition knows.
func oneForGate(op string, t *target, args *messages.Arguments) error {
	if len(args.Positional) != 0 || len(args.Named) != 1 {
		return messages.Errorf(messages.Invalid, op, "socket "+t.name, "a gate takes one named argument at a time").
			WithHint("send several one after the other, or all of them at once as data")
	}
	if size := args.Inline(); size > messages.MaxValue {
		return messages.Errorf(messages.Invalid, op, "socket "+t.name, "data over the limit: the argument has %d bytes, and %d are the most", size, messages.MaxValue)
	}
	return nil
}

// batchOf makes the command that a batch is.
func batchOf(op string, t *target, m *messages.SubmitBatchRequest, key, owner string) (*messages.EnqueueBatch, error) {
	if len(m.Data) == 0 || len(m.Data) > messages.MaxBatch {
		return nil, messages.Errorf(messages.Invalid, op, "socket "+t.name, "a batch has 1 to %d calls, and this one has %d", messages.MaxBatch, len(m.Data))
	}
	calls := make([]*messages.Arguments, len(m.Data))
	for i, data := range m.Data {
		args, err := spread.Data([]byte(data))
		if err != nil {
			return nil, messages.Errorf(messages.Invalid, op, "socket "+t.name, "call %d: %v", i, err).WithHint("data is JSON text")
		}
		if err := spreading(checked(op, t, args), &data, args); err != nil {
			return nil, err
		}
		calls[i] = args
	}
	batch := &messages.EnqueueBatch{
		First: messages.NewCallID(key, t.partition, 0).Bytes(), Socket: t.id, Arguments: calls, Content: contentOf(t.id, calls...),
		Owner: owner, Priority: m.Priority,
	}
	return batch, nil
}

// fits refuses a batch that is too large for a log entry when its large values
// have gone ahead.
func fits(op string, t *target, batch *messages.EnqueueBatch) error {
	if size := proto.Size(batch); size > MaxBatchBytes {
		return messages.Errorf(messages.Invalid, op, "socket "+t.name, "data over the limit: the batch has %d bytes, and one may have %d (%d KiB)",
			size, MaxBatchBytes, MaxBatchBytes>>10).WithHint("send it as several batches, each with a key of its own")
	}
	return nil
}
