package api

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

var channels = []string{"task", "log", "output", "lifecycle"}

// Listen tells what happens, from all partitions, until the client goes.
func (t *tasks) Listen(ctx context.Context, request *connect.Request[messages.ListenRequest], stream *connect.ServerStream[messages.Notice]) error {
	l, err := t.listener(ctx, request.Msg)
	if err != nil {
		return explained(ctx, err, "listen", request.Msg.Name)
	}
	groups, err := t.reads.partitions(ctx)
	if err != nil {
		return explained(ctx, err, "listen", request.Msg.Name)
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	began := time.Now().UnixMicro()
	asked := make(chan struct{}, len(groups)) // each partition once
	for _, group := range groups {
		p := l.partition(group, began, sync.OnceFunc(func() { asked <- struct{}{} }))
		running.Go(func() { p.follow(ctx) })
	}
	if l.hears("lifecycle") {
		told, changed := l.changes(ctx, 0, l.request.Since > 0) // before the client knows, so that it misses none
		running.Go(func() { l.lifecycle(ctx, told, changed) })
	}
	for range groups { // what is sent from now on is heard
		select {
		case <-asked:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err := stream.Send(&messages.Notice{State: "listening", Room: request.Msg.Name, Date: time.Now().UnixMicro()}); err != nil {
		return err
	}
	for {
		m, err := l.backlog.take(ctx)
		if err != nil {
			return err
		}
		if err := stream.Send(m); err != nil {
			return err
		}
	}
}

// listener is one client that listens.
type listener struct {
	tasks   *tasks
	request *messages.ListenRequest
	run     messages.CallID
	backlog *backlog
}

func (t *tasks) listener(ctx context.Context, m *messages.ListenRequest) (*listener, error) {
	const op = "listen"
	l := &listener{tasks: t, request: m, backlog: newBacklog()}
	for _, c := range m.Channels {
		if !slices.Contains(channels, c) {
			return nil, messages.Errorf(messages.Invalid, op, m.Name, "there is no channel %q", c).WithHint("channels are task, log, output and lifecycle")
		}
	}
	if m.Tracking != "" {
		run, err := messages.ParseCallID(m.Tracking)
		if err != nil {
			return nil, err
		}
		l.run = run
	}
	if m.Since < 0 || m.Since > time.Now().Add(time.Minute).UnixMicro() {
		return nil, messages.Errorf(messages.Invalid, op, m.Name, "since is not a time in the past")
	}
	known, err := l.known(ctx)
	if err == nil && !known {
		err = messages.Errorf(messages.NotFound, op, m.Name, "no socket, processor or queue has this name").
			WithHint("name a socket, a processor, a queue or QUEUE.PROCESSOR; * is everything")
	}
	return l, err
}

func (l *listener) hears(channel string) bool {
	return len(l.request.Channels) == 0 || slices.Contains(l.request.Channels, channel)
}

// lifecycle tells how the status of processors changes, behind an entry of the log.
func (l *listener) lifecycle(ctx context.Context, told uint64, changed <-chan struct{}) {
	for {
		select {
		case <-changed:
			told, changed = l.changes(ctx, told, true)
		case <-ctx.Done():
			return
		}
	}
}

// changes tells, if it is to, how processors have changed behind an entry of the
// log; and gives the entry up to which that is, and what is closed when there may
// be more.
func (l *listener) changes(ctx context.Context, after uint64, tell bool) (told uint64, changed <-chan struct{}) {
	told, changed = after, l.tasks.reads.replica.Changed() // before the view, so that no change falls between
	_ = l.tasks.reads.replica.View(ctx, func(view kv.View, applied uint64) error {
		if tell {
			l.tellChanges(view, after)
		}
		told = applied
		return nil
	})
	return told, changed
}

// tellChanges tells the changes behind an entry of the log, in its order.
func (l *listener) tellChanges(view kv.View, after uint64) {
	type change struct {
		*messages.StatusChange
		of *messages.Object
	}
	var changes []change
	for o := range all(view, messages.Kind_KIND_PROCESSOR) {
		if !l.everything() && o.Name != l.request.Name && o.Id != l.request.Name {
			continue
		}
		for _, m := range model.History(view, o.Id, after) {
			if m.Time >= l.request.Since {
				changes = append(changes, change{m, o})
			}
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.Index, b.Index) })
	for _, m := range changes {
		l.backlog.add(&messages.Notice{Channel: "lifecycle", State: m.Status, Date: m.Time, Room: m.of.Name, Module: m.of.GetProcessor().GetModule(), Message: m.Message})
	}
}
