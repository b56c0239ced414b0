package api

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elasticcode/flow/messages"
)

const (
	// listenPause is how long a partition that cannot be reached is left alone.
	listenPause = 500 * time.Millisecond
	// listenPace is the time between an answer and the next question: what happens
	// in it comes in one answer, so that many listeners to a busy partition cost
	// little.
	listenPace = 10 * time.Millisecond
)

// heardPartition is one partition that a listener hears.
type heardPartition struct {
	*listener
	question *messages.PollRequest
	known    sight
	recent   messages.Heard
	began    int64  // microseconds: when the client asked
	asked    func() // called when the partition has answered once, or is not waited for
}

func (l *listener) partition(group messages.GroupID, began int64, asked func()) *heardPartition {
	q := &messages.PollRequest{Group: uint32(group), Since: l.request.Since, Channels: l.request.Channels}
	if !l.run.IsZero() {
		q.Tracking = l.run.Bytes()
	}
	return &heardPartition{listener: l, question: q, began: began, asked: asked}
}

// follow hears the partition. When its leader changes, the new one is asked for
// what has happened since the last notice: it has that in its state. A partition
// that does not answer the first question in time is asked later for what has
// happened since the client asked.
func (p *heardPartition) follow(ctx context.Context) {
	first, cancel := context.WithTimeout(ctx, leaderLimit)
	answer, _ := p.ask(first)
	cancel()
	p.asked()
	p.take(ctx, answer)
	if p.question.Epoch == 0 && p.question.Since == 0 {
		p.question.Since = p.began
	}
	for ctx.Err() == nil {
		pause := listenPace
		answer, err := p.ask(ctx)
		if err != nil {
			pause = listenPause
		}
		p.take(ctx, answer)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// ask asks the partition once. With nothing to ask for it waits until there may be.
func (p *heardPartition) ask(ctx context.Context) (*messages.PollResponse, error) {
	if err := p.look(ctx, &p.known); err != nil {
		return nil, err
	}
	q := p.question
	if len(p.known.places) == 0 { // a question without sockets means all of them
		if q.Epoch == 0 && q.Since == 0 {
			q.Since = time.Now().UnixMicro() // what comes before the first question is heard too
		}
		p.asked()
		select {
		case <-p.known.changed:
		case <-ctx.Done():
		}
		return nil, nil
	}
	q.Sockets = nil
	if !p.everything() {
		q.Sockets = slices.Sorted(maps.Keys(p.known.places))
	}
	return p.poll(ctx, q, p.known)
}

// poll asks a partition for what has happened. It gives nothing when the sockets
// that the listener means have changed meanwhile: the question is asked again from
// the same place on, so that a new socket is heard from its first call on.
func (l *listener) poll(ctx context.Context, q *messages.PollRequest, known sight) (*messages.PollResponse, error) {
	asking, stop := context.WithCancel(ctx)
	defer stop()
	var watching sync.WaitGroup
	defer watching.Wait()
	defer stop()
	var moved atomic.Bool
	watching.Go(func() {
		changed := known.changed
		for {
			select {
			case <-changed:
			case <-asking.Done():
				return
			}
			changed = l.tasks.reads.replica.Changed()
			if now, err := l.places(asking); err == nil && !maps.Equal(now, known.places) {
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

// take hands on what the partition has told, and goes on behind it. What is past is
// handed on when there is room for it: the rest of it stays where it is.
func (p *heardPartition) take(ctx context.Context, answer *messages.PollResponse) {
	if answer == nil {
		return
	}
	q := p.question
	if q.Epoch == 0 && q.Since == 0 {
		q.Since = time.Now().UnixMicro() // for the case that the leader changes before anything is heard
	}
	past := q.Epoch != answer.Epoch || answer.Next != 0
	q.Epoch, q.After, q.Arrived = answer.Epoch, answer.After, answer.Arrived
	p.backlog.miss(answer.Dropped)
	for _, m := range answer.Notices {
		q.Since = max(q.Since, m.Date)
		if p.recent.Before(m) {
			continue
		}
		at := p.known.places[m.Socket]
		m.Socket, m.Room, m.Module, m.Task = at.socket, at.room, at.module, at.task
		if past {
			p.backlog.wait(ctx, m)
		} else {
			p.backlog.add(m)
		}
	}
	q.Since = max(q.Since, answer.Next)
}
