package twin

import (
	"context"
	"sync"
	"time"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/worker"
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

// Workers runs the flow's functions without a process, at the other end of the
// pipe that a worker process has.
type Workers struct {
	Flow *Flow
	Note func(line string) // told when a call begins, and how it was done
	Vice func() uint64     // how workers go wrong now, packed
}

// Start starts a worker; nothing can go wrong with that.
func (n Workers) Start(_ context.Context, _ messages.Environment, events func(...worker.Event)) (*Worker, error) {
	requests, answers := newBuffer(), newBuffer()
	w := &Worker{Pipe: worker.NewPipe(requests), requests: requests, killed: make(chan struct{})}
	c := &child{flow: n.Flow, note: n.Note, vice: n.Vice, requests: requests, answers: answers, killed: w.killed, told: make(chan struct{})}
	w.child = c
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		defer answers.close()
		c.run()
	}()
	go func() {
		reason := "was stopped"
		if err := w.Run(answers, events); err != nil {
			reason = "was ended: it sent " + err.Error() + " in place of an answer"
		}
		w.Kill()
		<-gone
		events(worker.Exited{Reason: reason})
	}()
	return w, nil
}

// Worker is the node's side of one.
type Worker struct {
	*worker.Pipe
	child    *child
	requests *buffer
	once     sync.Once
	killed   chan struct{}
}

// Terminate tells the worker to end, and ends it after the grace.
func (w *Worker) Terminate(grace time.Duration) {
	w.child.terminate()
	time.AfterFunc(grace, w.Kill)
}

// Kill ends the worker wherever it is.
func (w *Worker) Kill() {
	w.once.Do(func() {
		close(w.killed)
		w.requests.close()
	})
}

func (w *Worker) PID() int    { return 0 }
func (w *Worker) Dir() string { return "" }

// Printed gives nothing: the function does not print.
func (w *Worker) Printed(*messages.PrintedQuery) *messages.PrintedAnswer {
	return &messages.PrintedAnswer{}
}
