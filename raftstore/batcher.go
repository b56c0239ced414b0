package raftstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/buggify"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// batcher packs the commands that callers propose at the same time into one log
// entry. It never waits for more: while entries are on their way to the disk,
// the next one fills by itself. When none is on its way, whoever comes first hands
// the next to raft itself: to wake up the loop for that would take longer.
type batcher struct {
	now     func() time.Time
	propose func(data []byte) raft.ApplyFuture

	mu        sync.Mutex
	queue     []*proposal
	bytes     int64 // of the commands in queue
	inFlight  int   // entries proposed and not settled
	proposing bool  // somebody makes an entry; time and the next place in the log are theirs
	time      int64 // of the last entry
	closed    bool

	more chan struct{} // tells the loop that there may be an entry to make
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

func startBatcher(now func() time.Time, propose func([]byte) raft.ApplyFuture) *batcher {
	b := &batcher{now: now, propose: propose, more: make(chan struct{}, 1), stop: make(chan struct{})}
	b.done.Go(b.run)
	return b
}

// errFull says that the queue is at its bound.
var errFull = errors.New("too many commands wait for the log")

// submit proposes a command and waits for its result. When the context ends
// first, the command may still be applied.
func (b *batcher) submit(ctx context.Context, c messages.Command) answer {
	answers := make(chan answer, 1)
	if err := b.enqueue(&proposal{command: c, answer: answers}); err != nil {
		return answer{err: err}
	}
	b.begin()
	return b.next(ctx, answers)
}

// enqueue puts a command into the queue. Whoever has put some there calls begin.
func (b *batcher) enqueue(p *proposal) error {
	size := int64(len(p.command.Body))
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) >= MaxQueued || b.bytes+size > MaxQueuedBytes {
		return errFull
	}
	b.queue = append(b.queue, p)
	b.bytes += size
	return nil
}

// begin makes an entry of what is in the queue, if raft waits for one: it takes it
// at once then. If not, the loop does when its turn comes.
func (b *batcher) begin() {
	if batch := b.take(1); batch != nil {
		b.hand(batch)
	}
	b.wake()
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
		for batch := b.take(MaxInFlight); batch != nil; batch = b.take(MaxInFlight) {
			b.hand(batch)
		}
		select {
		case <-b.more:
		case <-b.stop:
			return
		}
	}
}

// take takes the commands of the next entry out of the queue, if fewer entries than
// most are on their way and nobody else makes one. hand follows.
func (b *batcher) take(most int) []*proposal {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.proposing || b.inFlight >= most || len(b.queue) == 0 {
		return nil
	}
	n, size := 0, 0
	for n < len(b.queue) && n < MaxBatchCommands && (n == 0 || size < MaxBatchBytes && !buggify.On(buggify.SmallEntry)) {
		size += len(b.queue[n].command.Body)
		if n > 0 && size > messages.MaxEntryBytes {
			break
		}
		b.bytes -= int64(len(b.queue[n].command.Body))
		n++
	}
	batch := b.queue[:n:n]
	if b.queue = b.queue[n:]; len(b.queue) == 0 {
		b.queue = nil
	}
	b.proposing = true
	b.inFlight++
	return batch
}

// hand gives an entry to raft. What waits for its end is started first, so that
// raft's loop is the last that is woken, and the first to run when the caller
// waits.
func (b *batcher) hand(batch []*proposal) {
	handed := make(chan raft.ApplyFuture, 1)
	go func() {
		finish(<-handed, batch)
		b.settled()
	}()
	handed <- b.propose(b.encode(batch))
	b.mu.Lock()
	b.proposing = false
	b.mu.Unlock()
}

// settled makes room for the next entry.
func (b *batcher) settled() {
	b.mu.Lock()
	b.inFlight--
	b.mu.Unlock()
	b.wake()
}

// wake wakes up the loop if there is an entry for it to make.
func (b *batcher) wake() {
	b.mu.Lock()
	idle := b.proposing || b.inFlight >= MaxInFlight || len(b.queue) == 0
	b.mu.Unlock()
	if idle {
		return
	}
	select {
	case b.more <- struct{}{}:
	default:
	}
}

// encode makes an entry. Its caller alone proposes.
func (b *batcher) encode(batch []*proposal) []byte {
	b.time = max(b.time, b.now().UnixMicro())
	e := messages.Entry{Time: b.time, Commands: make([]messages.Command, len(batch))}
	size := 16
	for i, p := range batch {
		e.Commands[i] = p.command
		size += len(p.command.Body) + 8
	}
	return e.Append(make([]byte, 0, size))
}

// finish gives every caller of an entry its own result. Raft may forget a future
// that is committed as it shuts down: then this waits in vain, and alone, for the
// callers hear of stop.
func finish(future raft.ApplyFuture, batch []*proposal) {
	err := future.Error()
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
}

// close ends the loop. Entries on their way are given up: the caller does so
// after raft has settled them.
func (b *batcher) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	close(b.stop)
	b.done.Wait()
}
