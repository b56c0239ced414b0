package api

import (
	"context"
	"slices"
	"sync"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// maxCachedSockets bounds the sockets whose readings are kept. When there are as
// many, all are dropped: those that are called often are soon there again.
const maxCachedSockets = 16 << 10

// target is what a call to a socket needs to know of it.
type target struct {
	id        string
	name      string
	partition messages.GroupID
	function
}

// function is what a call to a socket needs to know of the function behind it,
// which many sockets may share.
type function struct {
	signature signature
	unchecked bool // there is none to check the arguments against
}

// sockets finds sockets in the model. What it read is kept until the model
// changes, since every call asks.
type sockets struct {
	reads *reads

	mu        sync.Mutex
	changed   <-chan struct{}     // closed: what is known is old
	known     map[string]*target  // by the name or id that was asked for
	functions map[string]function // by task
}

func newSockets(r *reads) *sockets { return &sockets{reads: r} }

// find gives a socket by name or id. When this node's replica does not have it,
// it may lag behind: then the latest state is asked.
func (s *sockets) find(ctx context.Context, op, name string) (*target, error) {
	changed, t := s.current(name)
	if t != nil {
		return t, nil
	}
	var found *target
	err := s.reads.replica.View(ctx, func(view kv.View, _ uint64) error {
		found = targetOf(view, name, func(socket *messages.Object) function { return s.function(changed, view, socket) })
		return nil
	})
	if err != nil {
		return nil, explained(ctx, err, op, "socket "+name)
	}
	if found == nil {
		return s.findLatest(ctx, op, name)
	}
	s.keep(changed, name, found)
	return found, nil
}

// findLatest gives a socket from a state that has all that was acknowledged.
func (s *sockets) findLatest(ctx context.Context, op, name string) (found *target, err error) {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = s.reads.latest(bounded, nil, func(view kv.View, _ uint64) error {
		if found = readTarget(view, name); found == nil {
			return notFound(view, op, messages.Kind_KIND_SOCKET, name)
		}
		return nil
	})
	return found, explained(ctx, err, op, "socket "+name)
}

// current gives what is known of a socket now, and the channel that tells its age.
func (s *sockets) current(name string) (changed <-chan struct{}, known *target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil || isClosed(s.changed) {
		s.changed = s.reads.replica.Changed() // before any reading that is kept under it
		s.known, s.functions = map[string]*target{}, map[string]function{}
	}
	return s.changed, s.known[name]
}

// keep remembers a reading, unless the model has changed since changed was taken.
func (s *sockets) keep(changed <-chan struct{}, name string, t *target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed != changed {
		return
	}
	if len(s.known) >= maxCachedSockets {
		clear(s.known)
	}
	s.known[name] = t
}

// function gives the function behind a socket, as of before changed was closed. It
// is remembered like the socket.
func (s *sockets) function(changed <-chan struct{}, view kv.View, socket *messages.Object) function {
	task := socket.GetSocket().GetTask()
	s.mu.Lock()
	f, known := s.functions[task]
	known = known && s.changed == changed
	s.mu.Unlock()
	if known {
		return f
	}
	f = readFunction(view, socket)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == changed && len(s.functions) < maxCachedSockets {
		s.functions[task] = f
	}
	return f
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// readTarget reads a socket and the signature of its function, or gives nil.
func readTarget(view kv.View, name string) *target {
	return targetOf(view, name, func(socket *messages.Object) function { return readFunction(view, socket) })
}

func targetOf(view kv.View, name string, functionOf func(socket *messages.Object) function) *target {
	object, ok := model.Get(view, messages.Kind_KIND_SOCKET, name)
	if !ok {
		return nil
	}
	return &target{id: object.Id, name: object.Name, partition: messages.GroupID(object.GetSocket().GetPartition()), function: functionOf(object)}
}

func readFunction(view kv.View, socket *messages.Object) (f function) {
	processor, _ := model.Get(view, messages.Kind_KIND_PROCESSOR, socket.GetSocket().GetProcessor())
	task, ok := model.TaskOf(view, socket)
	if f.unchecked = !ok || processor.GetProcessor().GetBuiltinEcho(); !f.unchecked {
		f.signature = signature{function: socket.GetSocket().GetFunction(), parameters: givenByCaller(model.TaskArguments(view, task.Id))}
	}
	return f
}

// givenByCaller leaves out the arguments that the worker gives.
func givenByCaller(parameters []*messages.Object) []*messages.Object {
	return slices.DeleteFunc(parameters, model.GivenByWorker)
}
