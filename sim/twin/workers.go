package twin

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/elasticcode/flow/actors"
	"github.com/elasticcode/flow/messages"
)

// Source knows the flow's functions in every module, whatever the repository.
type Source struct{ Flow *Flow }

// Commit is what every reference stands for.
const Commit = "5100000000000000000000000000000000000051"

func (s Source) Inspect(context.Context, *messages.Processor) (string, []*messages.Function, error) {
	return Commit, s.Flow.signatures(), nil
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

// Workers runs the flow's functions without a process.
type Workers struct {
	Flow *Flow
	Note func(line string) // told when a call begins, and how it was done
}

func (n Workers) Start(_ context.Context, _ messages.Environment, events func(...actors.Event)) (actors.Worker, error) {
	w := &runner{flow: n.Flow, note: n.Note, events: events, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go w.run()
	return w, nil
}

// How long a start takes, and a call of a function that says nothing else, drawn
// at random up to these.
const (
	maxStart = 50 * time.Millisecond
	maxCall  = 20 * time.Millisecond
)

type runner struct {
	flow   *Flow
	note   func(line string)
	events func(...actors.Event)
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
		function, known := w.flow.function(next.Function)
		if !w.pass(max(maxCall, time.Duration(function.Time))) {
			return
		}
		answer := actors.Done{Call: next.Call, Attempt: next.Attempt, Started: began.UnixMicro(), Ended: time.Now().UnixMicro()}
		answer.Outcome, answer.Result, answer.Failure = function.run(known, next)
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

// run gives what a function answers to a call.
func (x Function) run(known bool, work actors.Work) (messages.Outcome, []byte, *messages.Failure) {
	if !known {
		return messages.Outcome_EXCEPTION, nil, &messages.Failure{Type: "AttributeError", Message: "the module has no function " + work.Function}
	}
	arguments, err := x.bind(work.Arguments)
	if err != nil {
		return messages.Outcome_EXCEPTION, nil, &messages.Failure{Type: "TypeError", Message: err.Error()}
	}
	if rand.Float64() < x.Fails {
		return messages.Outcome_EXCEPTION, nil, &messages.Failure{Type: "RuntimeError", Message: "it fails sometimes"}
	}
	result, err := json.Marshal(x.Name + "(" + strings.Join(arguments, ",") + ")")
	if err != nil {
		panic(err) // a text always has a JSON form
	}
	return messages.Outcome_OK, result, nil
}

func (w *runner) Send(works ...actors.Work) error {
	if isClosed(w.ended) {
		return messages.Errorf(messages.Unavailable, "send call", works[0].Call.String(), "the worker has ended")
	}
	w.mu.Lock()
	w.work = append(w.work, works...)
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

// Printed gives nothing: the function does not print.
func (w *runner) Printed(*messages.PrintedQuery) *messages.PrintedAnswer {
	return &messages.PrintedAnswer{}
}
