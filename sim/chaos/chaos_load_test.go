//go:build e2e

package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/audit"
)

const (
	chaosFeeders = 8
	burst        = 20              // calls, one after the other, before a feeder rests
	longestRest  = 4 * time.Second // of a feeder
	tryFor       = 15 * time.Second
	betweenTries = 500 * time.Millisecond // at most
	askEach      = 8                      // of how many calls one is asked for, and waited for
)

// load is what clients send while faults befall the network, and what they were
// told. Each call is sent with its key until it is accepted, however long that
// takes.
type load struct {
	c       *chaos
	enough  context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	accepted []messages.CallID
	told     map[messages.CallID]*messages.CallInfo
	open     map[string]time.Time // keys that are not accepted yet, and since when
	refused  map[string]int       // errors while faults last, by kind
	wrong    []string
	slowest  time.Duration
	healed   bool // no error is to be seen any more
}

func (c *chaos) begin(ctx context.Context) *load {
	l := &load{c: c, told: map[messages.CallID]*messages.CallInfo{}, open: map[string]time.Time{}, refused: map[string]int{}}
	feeding, enough := context.WithCancel(ctx)
	l.enough = enough
	for feeder := range chaosFeeders {
		random := rand.New(rand.NewPCG(c.seed, 1<<40+uint64(feeder)))
		l.running.Go(func() { l.feed(ctx, feeding, random) })
	}
	return l
}

// stop sends nothing new, and waits until all that was sent is accepted.
func (l *load) stop() {
	l.enough()
	l.running.Wait()
}

// feeder is one client, which sends and asks.
type feeder struct {
	*load
	random *rand.Rand
	client *client.Client // nil: it begins anew, at another node
}

// feed sends calls in bursts; those that were begun are sent to their end.
func (l *load) feed(ctx, feeding context.Context, random *rand.Rand) {
	f := &feeder{load: l, random: random}
	defer f.leave()
	for feeding.Err() == nil {
		for range 1 + random.IntN(burst) {
			if feeding.Err() == nil {
				f.send(ctx)
			}
		}
		rest(feeding, time.Duration(random.Int64N(int64(longestRest))))
	}
}

// send sends one call, or a batch, until it is accepted.
func (f *feeder) send(ctx context.Context) {
	socket, n := f.c.sources[f.random.IntN(len(f.c.sources))], 1
	if f.random.IntN(10) == 0 {
		n = 10
	}
	key, began := uuid.Must(uuid.NewV7()).String(), time.Now()
	f.opened(key, began)
	for ctx.Err() == nil {
		var ids []messages.CallID
		err := f.try(ctx, func(ctx context.Context) (err error) {
			ids, err = submit(ctx, f.client, socket, key, n)
			return err
		})
		if err == nil {
			f.took(key, ids, time.Since(began))
			if f.random.IntN(askEach) == 0 {
				f.ask(ctx, ids[f.random.IntN(len(ids))])
			}
			return
		}
		f.failed("send", key, err)
	}
}

// ask looks at an accepted call, which must be there, and waits for its end.
func (f *feeder) ask(ctx context.Context, id messages.CallID) {
	for range 3 {
		err := f.try(ctx, func(ctx context.Context) error {
			call, err := f.client.GetCall(ctx, id.String(), false)
			if err == nil {
				call, err = f.client.Result(ctx, id.String(), tryFor/2)
			}
			if err == nil && (call.GetState() == "finished" || call.GetState() == "failed") {
				f.tell(id, call)
			}
			return err
		})
		if err == nil || ctx.Err() != nil {
			return
		}
		f.failed("ask for", id.String(), err)
	}
}

// try asks once, for tryFor at most, and next time another node if that failed.
func (f *feeder) try(ctx context.Context, do func(ctx context.Context) error) (err error) {
	if f.client == nil {
		if f.client, err = clientFrom(f.c.w, f.random.IntN(3)); err != nil {
			return err
		}
	}
	limited, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	if err = do(limited); err != nil {
		f.leave()
		rest(ctx, time.Duration(f.random.Int64N(int64(betweenTries))))
	}
	return err
}

func (f *feeder) leave() {
	if f.client != nil {
		f.client.Close()
		f.client = nil
	}
}

func (l *load) opened(key string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[key] = at
}

func (l *load) took(key string, ids []messages.CallID, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, key)
	l.accepted = append(l.accepted, ids...)
	l.slowest = max(l.slowest, d)
}

func (l *load) tell(id messages.CallID, call *messages.CallInfo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told[id] = call
}

// failed notes an error. While faults last, a network may be unavailable; it may
// not say that a call is wrong, or that one does not exist that does.
func (l *load) failed(what, subject string, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	kind := "no answer"
	var e *messages.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
	case errors.As(err, &e):
		kind = e.Kind.String()
	}
	if l.refused[kind]++; l.refused[kind] == 1 {
		l.c.say("a client is told, for the first time of its kind: %v", err)
	}
	passing := e == nil || errors.Is(err, messages.Unavailable) || errors.Is(err, messages.NotLeader) || errors.Is(err, messages.Exhausted) || errors.Is(err, messages.Deadline)
	if !passing || l.healed {
		l.wrong = append(l.wrong, fmt.Sprintf("to %s %s gave: %v", what, subject, err))
		l.c.t.Errorf("to %s %s gave: %v", what, subject, err)
	}
}

// settled waits until what was sent before now is accepted.
func (l *load) settled(ctx context.Context) error {
	began := time.Now()
	oldest := func() (old int) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, at := range l.open {
			if at.Before(began) {
				old++
			}
		}
		return old
	}
	if err := Until(ctx, "the clients to be served", func() bool { return oldest() == 0 }); err != nil {
		return fmt.Errorf("%d clients are not served after all has been healed: %w", oldest(), err)
	}
	return nil
}

// strict makes each error from now on a violation.
func (l *load) strict() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.healed = true
}

// untrue compares what clients were told of ended calls with the records.
func (l *load) untrue(r audit.Records) (wrong []string) {
	found := 0
	for _, m := range r.Calls {
		id := messages.CallIDFrom(m.Id)
		told := l.told[id]
		if told == nil {
			continue
		}
		found++
		state := map[messages.CallState]string{messages.CallState_FINISHED: "finished", messages.CallState_FAILED: "failed"}[m.State]
		if told.GetState() != state || told.GetResult() != string(m.Result) {
			wrong = append(wrong, fmt.Sprintf("call %s is %s with %s; a client was told %s with %s", id, m.State, m.Result, told.GetState(), told.GetResult()))
		}
	}
	if found != len(l.told) {
		wrong = append(wrong, fmt.Sprintf("%d calls have records of %d whose ends clients were told", found, len(l.told)))
	}
	return wrong
}

func (l *load) figures() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("clients: %d calls accepted, %d waited for, the slowest accepted after %s; errors while faults lasted: %v; after: %d",
		len(l.accepted), len(l.told), l.slowest.Round(time.Millisecond), l.refused, len(l.wrong))
}

// submit sends n calls, in a batch if they are many, under one key.
func submit(ctx context.Context, c *client.Client, socket, key string, n int) ([]messages.CallID, error) {
	if n > 1 {
		data := make([]string, n)
		for i := range data {
			data[i] = strconv.Itoa(i)
		}
		b, err := c.SubmitBatch(ctx, &messages.SubmitBatchRequest{Socket: socket, Data: data, Id: key})
		if err != nil {
			return nil, err
		}
		first, err := messages.ParseCallID(b.GetFirst())
		ids := make([]messages.CallID, n)
		for i := range ids {
			ids[i] = first.At(i)
		}
		return ids, err
	}
	data := "1"
	call, err := c.Submit(ctx, &messages.RunRequest{Socket: socket, Data: &data, Id: key})
	if err != nil {
		return nil, err
	}
	id, err := messages.ParseCallID(call.GetId())
	return []messages.CallID{id}, err
}
