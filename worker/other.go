//go:build !linux

package worker

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/elasticcode/flow/messages"
)

// Process is a worker. Elsewhere than on Linux there is none: nothing there
// gives a process all its descendants back, so that none is left behind.
type Process struct{}

func (l *Launcher) start(_ context.Context, env messages.Environment, _ func(...Event)) (*Process, error) {
	return nil, messages.Errorf(messages.Unavailable, "start worker", env.Module, "workers run on Linux only").
		WithHint("run nodes that offer CPUs on Linux; this one can take part with --cpus 0")
}

func (p *Process) PID() int               { return 0 }
func (p *Process) Dir() string            { return "" }
func (p *Process) Ended() <-chan struct{} { return nil }
func (p *Process) Send(...Work) error {
	return messages.Errorf(messages.Unavailable, "send call", "", "the worker has ended")
}
func (p *Process) Terminate(time.Duration) {}
func (p *Process) Kill()                   {}
func (p *Process) Printed(*messages.PrintedQuery) *messages.PrintedAnswer {
	return &messages.PrintedAnswer{}
}

func endMarked([]mark, ...int) int { return 0 }

// BecomeSubreaper does nothing here.
func BecomeSubreaper() error { return nil }

// Watchdog refuses: it is Linux only.
func Watchdog([]string) int {
	fmt.Fprintln(os.Stderr, "watchdog: workers run on Linux only")
	return 2
}
