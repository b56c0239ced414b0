package twin

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/elasticcode/flow/actors"
	"github.com/elasticcode/flow/messages"
)

// Source knows one function in every module, whatever the repository.
type Source struct{}

// Commit is what every reference stands for.
const Commit = "5100000000000000000000000000000000000051"

// Function is the name of the one function, of one argument; it gives back
// "TEXT:" and the argument.
const Function = "do_something"

func (Source) Inspect(context.Context, *messages.Processor) (string, []*messages.Function, error) {
	message := &messages.Parameter{Name: "message", Kind: messages.ArgumentKind_POSITIONAL_OR_KEYWORD}
	return Commit, []*messages.Function{{Name: Function, Source: "def do_something(message): ...", Parameters: []*messages.Parameter{message}}}, nil
}

// Build takes this long.
const buildTime = 100 * time.Millisecond

func (Source) Prepare(ctx context.Context, p *messages.Processor, _ func(string)) (messages.Environment, error) {
	select {
	case <-time.After(buildTime):
	case <-ctx.Done():
		return messages.Environment{}, ctx.Err()
	}
	return messages.Environment{Interpreter: "/simulated", Dir: "/simulated", Module: p.GetModule(), Commit: p.GetResolvedCommit()}, nil
}

// Workers runs the function without a process.
type Workers struct {
	Note func(line string) // told when a call begins, and how it was done
}

func (n Workers) Start(_ context.Context, _ messages.Environment, events func(actors.Event)) (actors.Worker, error) {
	w := &runner{note: n.Note, events: events, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go w.run()
	return w, nil
}

// How long a start and a call take, drawn at random up to these.
const (
	maxStart = 50 * time.Millisecond
	maxCall  = 20 * time.Millisecond
)

type runner struct {
	note   func(line string)
	events func(actors.Event)
	wake   chan struct{}
	once   sync.Once
	ended  chan struct{}

	mu   sync.Mutex
	work []actors.Work
}

func (w *runner) run() {
	defer func() { w.events(actors.Exited{Reason: "was stopped"}) }()
	if !w.pass(maxStart) {
		return
	}
	w.events(actors.Ready{})
	for {
		next, ok := w.next()
		if !ok {
			return
		}
		began := time.Now()
		w.note(fmt.Sprintf("began %s %d", next.Call, next.Attempt))
		w.events(actors.Begun{Call: next.Call, Attempt: next.Attempt})
		if !w.pass(maxCall) {
			return
		}
		answer := done(next, began)
		w.note(fmt.Sprintf("done %s %d %s", next.Call, next.Attempt, answer.Outcome))
		w.events(answer)
	}
}

// pass lets a random time go by. false: the worker was ended meanwhile.
func (w *runner) pass(limit time.Duration) bool {
	select {
	case <-time.After(rand.N(limit)):
		return true
	case <-w.ended:
		return false
	}
}

func (w *runner) next() (actors.Work, bool) {
	for {
		w.mu.Lock()
		if len(w.work) > 0 {
			first := w.work[0]
			w.work = w.work[1:]
			w.mu.Unlock()
			return first, true
		}
		w.mu.Unlock()
		select {
		case <-w.wake:
		case <-w.ended:
			return actors.Work{}, false
		}
	}
}

// done is the one answer that the function has to an argument.
func done(work actors.Work, began time.Time) actors.Done {
	d := actors.Done{Call: work.Call, Attempt: work.Attempt, Started: began.UnixMicro(), Ended: time.Now().UnixMicro()}
	var text string
	if p := work.Arguments.GetPositional(); len(p) != 1 || json.Unmarshal(p[0], &text) != nil {
		d.Outcome = messages.Outcome_EXCEPTION
		d.Failure = &messages.Failure{Type: "TypeError", Message: fmt.Sprintf("want one text, got %d arguments", len(p))}
		return d
	}
	d.Outcome = messages.Outcome_OK
	d.Result, _ = json.Marshal("TEXT:" + text) // a text always has a JSON form
	return d
}

func (w *runner) Send(work actors.Work) error {
	if isClosed(w.ended) {
		return messages.Errorf(messages.Unavailable, "send call", work.Call.String(), "the worker has ended")
	}
	w.mu.Lock()
	w.work = append(w.work, work)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return nil
}

func (w *runner) Terminate(time.Duration) { w.Kill() }
func (w *runner) Kill()                   { w.once.Do(func() { close(w.ended) }) }
func (w *runner) PID() int                { return 0 }
func (w *runner) Dir() string             { return "" }
