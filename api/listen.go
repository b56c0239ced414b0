package api

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

const (
	// maxHeard bounds the notices that wait for one listener. One that reads no
	// faster is told how many it has missed, and holds up nobody.
	maxHeard = 4096
	// listenPause is how long a partition that cannot be reached is left alone.
	listenPause = 500 * time.Millisecond
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
		running.Go(func() { l.follow(ctx, group, began, sync.OnceFunc(func() { asked <- struct{}{} })) })
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
		select {
		case m := <-l.heard:
			m.Dropped += l.missed()
			if err := stream.Send(m); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// listener is one client that listens.
type listener struct {
	tasks   *tasks
	request *messages.ListenRequest
	run     messages.CallID
	heard   chan *messages.Notice

	mu      sync.Mutex
	dropped int64
}

func (t *tasks) listener(ctx context.Context, m *messages.ListenRequest) (*listener, error) {
	const op = "listen"
	l := &listener{tasks: t, request: m, heard: make(chan *messages.Notice, maxHeard)}
	for _, c := range m.Channels {
		if !slices.Contains(channels, c) {
			return nil, messages.Errorf(messages.Invalid, op, m.Name, "there is no channel %q", c).WithHint("channels are task, log, output and lifecycle; none: all")
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

// follow hears one partition. When its leader changes, the new one is asked for
// what has happened since the last notice: it has that in its state. A partition
// that does not answer the first question in time is asked later for what has
// happened since began. asked is called then, or when it has answered.
func (l *listener) follow(ctx context.Context, group messages.GroupID, began int64, asked func()) {
	q := &messages.PollRequest{Group: uint32(group), Since: l.request.Since, Channels: l.request.Channels}
	if !l.run.IsZero() {
		q.Tracking = l.run.Bytes()
	}
	recent := new(messages.Heard)
	known := new(sight)
	first, cancel := context.WithTimeout(ctx, leaderLimit)
	l.ask(first, q, known, recent, asked)
	cancel()
	if q.Epoch == 0 && q.Since == 0 {
		q.Since = began
	}
	asked()
	for ctx.Err() == nil {
		if l.ask(ctx, q, known, recent, asked) {
			continue
		}
		select {
		case <-time.After(listenPause):
		case <-ctx.Done():
		}
	}
}

// ask asks a partition once, and says whether that went well. With nothing to ask
// for it calls none, and waits until there may be.
func (l *listener) ask(ctx context.Context, q *messages.PollRequest, known *sight, recent *messages.Heard, none func()) bool {
	if err := l.look(ctx, known); err != nil {
		return false
	}
	if len(known.places) == 0 { // a question without sockets means all of them
		if q.Epoch == 0 && q.Since == 0 {
			q.Since = time.Now().UnixMicro() // what comes before the first question is heard too
		}
		none()
		select {
		case <-known.changed:
		case <-ctx.Done():
		}
		return true
	}
	q.Sockets = nil
	if !l.everything() {
		q.Sockets = slices.Sorted(maps.Keys(known.places))
	}
	answer, err := l.poll(ctx, q, known.places, known.changed)
	if err == nil && answer != nil {
		l.take(answer, known.places, recent, q)
	}
	return err == nil
}

// poll asks a partition for what has happened. It gives nothing when the sockets
// that the listener means have changed meanwhile: the question is asked again from
// the same place on, so that a new socket is heard from its first call on.
func (l *listener) poll(ctx context.Context, q *messages.PollRequest, places map[string]place, changed <-chan struct{}) (*messages.PollResponse, error) {
	asking, stop := context.WithCancel(ctx)
	defer stop()
	var watching sync.WaitGroup
	defer watching.Wait()
	defer stop()
	var moved atomic.Bool
	watching.Go(func() {
		for {
			select {
			case <-changed:
			case <-asking.Done():
				return
			}
			changed = l.tasks.reads.replica.Changed()
			if now, err := l.places(asking); err == nil && !maps.Equal(now, places) {
				moved.Store(true)
				stop()
				return
			}
		}
	})
	answer, err := l.tasks.cluster.Poll(asking, q)
	if moved.Load() {
		return nil, nil
	}
	return answer, err
}

// take hands on what a partition has told, and goes on behind it.
func (l *listener) take(answer *messages.PollResponse, places map[string]place, recent *messages.Heard, q *messages.PollRequest) {
	if q.Epoch == 0 && q.Since == 0 {
		q.Since = time.Now().UnixMicro() // for the case that the leader changes before anything is heard
	}
	q.Epoch, q.After, q.Arrived = answer.Epoch, answer.After, answer.Arrived
	l.miss(answer.Dropped)
	for _, m := range answer.Notices {
		q.Since = max(q.Since, m.Date)
		if recent.Before(m) {
			continue
		}
		p := places[m.Socket]
		m.Socket, m.Room, m.Module, m.Task = p.socket, p.room, p.module, p.task
		l.tell(m)
	}
}

// tell hands a notice to the client, or counts it as missed.
func (l *listener) tell(m *messages.Notice) {
	select {
	case l.heard <- m:
	default:
		l.miss(1)
	}
}

func (l *listener) miss(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropped += n
}

func (l *listener) missed() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.dropped
	l.dropped = 0
	return n
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
		l.tell(&messages.Notice{Channel: "lifecycle", State: m.Status, Date: m.Time, Room: m.of.Name, Module: m.of.GetProcessor().GetModule(), Message: m.Message})
	}
}
