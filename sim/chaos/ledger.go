package chaos

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// Patience is how long a caller waits before an error counts against the
// network.
const Patience = 10 * time.Second

// checkLimit is how long a ledger may be read back.
const checkLimit = 2 * time.Minute

// Ledger keeps what callers sent and what they were told, outside of what can
// crash.
type Ledger struct {
	network *Network
	socket  string

	mu      sync.Mutex
	calls   []entry
	errs    []error
	slowest time.Duration // since it was last asked for
}

type entry struct {
	key, id, arg, result string
}

// NewLedger keeps the calls of one socket.
func NewLedger(w *Network, socket string) *Ledger { return &Ledger{network: w, socket: socket} }

// Len is how many calls were answered.
func (l *Ledger) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.calls)
}

// Drive keeps callers busy until stop is closed. Each begins at another node
// and goes on to the next when its own dies.
func (l *Ledger) Drive(ctx context.Context, callers int, stop <-chan struct{}) {
	var wait sync.WaitGroup
	var number atomic.Int64
	for caller := range callers {
		wait.Go(func() {
			c, err := l.client(caller)
			if err != nil {
				l.failed(err)
				return
			}
			defer c.Close()
			for ctx.Err() == nil {
				select {
				case <-stop:
					return
				default:
					l.call(ctx, c, fmt.Sprintf("%d", number.Add(1)))
				}
			}
		})
	}
	wait.Wait()
}

func (l *Ledger) client(caller int) (*client.Client, error) {
	addresses := l.network.Addresses()
	first := caller % len(addresses)
	return client.New(client.Options{Addresses: append(slices.Clone(addresses[first:]), addresses[:first]...), Connections: 1, Patience: -1})
}

func (l *Ledger) call(ctx context.Context, c *client.Client, arg string) {
	limited, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	begin := time.Now()
	key := uuid.Must(uuid.NewV7()).String()
	data := `"` + arg + `"`
	call, err := c.Call(limited, &messages.RunRequest{Socket: l.socket, Data: &data, Id: key})
	if err != nil {
		l.failed(fmt.Errorf("call %s: %w", arg, err))
		return
	}
	if call.GetState() != "finished" {
		l.failed(fmt.Errorf("call %s (%s) came back %s: %v", arg, call.GetId(), call.GetState(), call.GetError()))
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slowest = max(l.slowest, time.Since(begin))
	l.calls = append(l.calls, entry{key, call.GetId(), arg, call.GetResult()})
}

// Slowest is how long the slowest call took since Slowest was last asked.
func (l *Ledger) Slowest() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	took := l.slowest
	l.slowest = 0
	return took
}

func (l *Ledger) failed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

// Check reads every call again and gives all that is not as the callers were
// told: each finished, once, with its result; and no caller saw an error.
func (l *Ledger) Check(ctx context.Context, prefix string) error {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.errs) > 0 {
		return fmt.Errorf("%d callers saw an error, the first: %w", len(l.errs), l.errs[0])
	}
	c, err := l.client(0)
	if err != nil {
		return err
	}
	defer c.Close()
	ids := map[string]bool{}
	for i, e := range l.calls {
		want := `"` + prefix + e.arg + `"`
		call, err := c.GetCall(ctx, e.id, false)
		switch {
		case err != nil:
			return fmt.Errorf("call %s, which was answered: %w", e.id, err)
		case ids[e.id]:
			return fmt.Errorf("call %s was answered for two keys", e.id)
		case e.result != want || call.GetResult() != want:
			return fmt.Errorf("call %s: told %s, stored %s, want %s", e.id, e.result, call.GetResult(), want)
		case call.GetState() != "finished" || ends(call) != 1:
			return fmt.Errorf("call %s is %s and ended %d times", e.id, call.GetState(), ends(call))
		}
		ids[e.id] = true
		if i%20 == 0 {
			if err := l.again(ctx, c, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// again sends a call's key once more, which must give the same call.
func (l *Ledger) again(ctx context.Context, c *client.Client, e entry) error {
	data := `"` + e.arg + `"`
	call, err := c.Submit(ctx, &messages.RunRequest{Socket: l.socket, Data: &data, Id: e.key})
	if err != nil {
		return fmt.Errorf("send key %s again: %w", e.key, err)
	}
	if call.GetId() != e.id || !call.GetDuplicate() {
		return fmt.Errorf("key %s sent again gave call %s, duplicate %v; it was call %s", e.key, call.GetId(), call.GetDuplicate(), e.id)
	}
	return nil
}

func ends(call *messages.CallInfo) (n int) {
	for _, e := range call.GetEvents() {
		if e.GetName() == "postrun" {
			n++
		}
	}
	return n
}
