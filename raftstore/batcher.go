package raftstore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/buggify"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// batcher packs the commands that callers propose at the same time into one log
// entry. It never waits for more: while entries are on their way to the disk,
// the next one fills by itself.
type batcher struct {
	queue   chan *proposal
	bytes   atomic.Int64 // of the commands in queue
	free    chan struct{}
	now     func() time.Time
	propose func(data []byte) raft.ApplyFuture
	// committed hears how long each entry took; nil: nobody listens.
	committed func(time.Duration)
	time      int64 // of the last entry; the loop alone uses it
	over      *proposal

	stop chan struct{}
	done sync.WaitGroup
}

// proposal is one caller's command on its way.
type proposal struct {
	command messages.Command
	number  int         // of the command among those of its caller
	answer  chan answer // buffered for all of them: the caller may have gone
}

type answer struct {
	number int
	result messages.Result
	index  uint64
	err    error
}

func startBatcher(now func() time.Time, committed func(time.Duration), propose func([]byte) raft.ApplyFuture) *batcher {
	b := &batcher{queue: make(chan *proposal, MaxQueued), free: make(chan struct{}, MaxInFlight), now: now, committed: committed, propose: propose, stop: make(chan struct{})}
	for range MaxInFlight {
		b.free <- struct{}{}
	}
	b.done.Go(b.run)
	return b
}

// errFull says that the queue is at its bound; errStopped that the command was
// never proposed.
var (
	errFull    = errors.New("too many commands wait for the log")
	errStopped = errors.New("the replica has stopped")
)

// submit proposes a command and waits for its result. When the context ends
// first, the command may still be applied.
func (b *batcher) submit(ctx context.Context, c messages.Command) answer {
	answers := make(chan answer, 1)
	if err := b.enqueue(&proposal{command: c, answer: answers}); err != nil {
		return answer{err: err}
	}
	return b.next(ctx, answers)
}

// enqueue leaves a command to the loop.
func (b *batcher) enqueue(p *proposal) error {
	size := int64(len(p.command.Body))
	if b.bytes.Add(size) > MaxQueuedBytes {
		b.bytes.Add(-size)
		return errFull
	}
	select {
	case b.queue <- p:
		return nil
	default:
		b.bytes.Add(-size)
		return errFull
	}
}

// next waits for one of a caller's answers. An error without a number is that of
// all that have none.
func (b *batcher) next(ctx context.Context, answers <-chan answer) answer {
	select {
	case a := <-answers:
		if buggify.On(buggify.LostAnswer) {
			return answer{number: a.number, err: raft.ErrLeadershipLost}
		}
		return a
	case <-ctx.Done():
		return answer{number: everyNumber, err: ctx.Err()}
	case <-b.stop:
		return answer{number: everyNumber, err: raft.ErrLeadershipLost}
	}
}

// everyNumber stands for all commands that have no answer yet.
const everyNumber = -1

func (b *batcher) run() {
	for {
		select {
		case <-b.free:
		case <-b.stop:
			return
		}
		batch := b.gather()
		if batch == nil {
			return
		}
		began := time.Now()
		future := b.propose(b.encode(batch))
		b.done.Go(func() {
			if err := finish(future, batch, b.stop); err == nil && b.committed != nil {
				b.committed(time.Since(began))
			}
			b.free <- struct{}{}
		})
	}
}

// gather waits for one proposal and takes what else is there.
func (b *batcher) gather() []*proposal {
	first := b.over
	b.over = nil
	if first == nil {
		select {
		case first = <-b.queue:
		case <-b.stop:
			return nil
		}
	}
	batch, size := []*proposal{first}, len(first.command.Body)
	for len(batch) < MaxBatchCommands && size < MaxBatchBytes && !buggify.On(buggify.SmallEntry) {
		select {
		case p := <-b.queue:
			if size += len(p.command.Body); size > messages.MaxEntryBytes {
				b.over = p
				return batch
			}
			batch = append(batch, p)
		default:
			return batch
		}
	}
	return batch
}

func (b *batcher) encode(batch []*proposal) []byte {
	b.time = max(b.time, b.now().UnixMicro())
	e := messages.Entry{Time: b.time, Commands: make([]messages.Command, len(batch))}
	size := 16
	for i, p := range batch {
		e.Commands[i] = p.command
		size += len(p.command.Body) + 8
		b.bytes.Add(-int64(len(p.command.Body)))
	}
	return e.Append(make([]byte, 0, size))
}

// finish gives every caller of an entry its own result. Raft may forget a
// future that is committed as it shuts down; stop ends the wait for it.
func finish(future raft.ApplyFuture, batch []*proposal, stop <-chan struct{}) (err error) {
	settled := make(chan error, 1)
	go func() { settled <- future.Error() }()
	select {
	case err = <-settled:
	case <-stop:
		err = raft.ErrLeadershipLost
	}
	var results []messages.Result
	if err == nil {
		switch r := future.Response().(type) {
		case []messages.Result:
			results = r
		case error:
			err = r
		}
		if err == nil && len(results) != len(batch) {
			err = errors.New("the entry was applied without results")
		}
	}
	for i, p := range batch {
		if plant.On(plant.SharedAnswer) {
			i = 0
		}
		if err != nil {
			p.answer <- answer{number: p.number, err: err}
		} else {
			p.answer <- answer{number: p.number, result: results[i], index: future.Index()}
		}
	}
	return err
}

// close ends the loop. Entries on their way are given up: the caller does so
// after raft has settled them.
func (b *batcher) close() {
	close(b.stop)
	b.done.Wait()
}
