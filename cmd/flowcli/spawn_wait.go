package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// errCanRun ends a watch whose purpose is reached.
var errCanRun = errors.New("the processor can run")

// wait tells on stderr how the processor comes to life, until it can run.
func (s *spawning) wait(ctx context.Context) error {
	name := s.processor.Name
	told := ""
	see := func(o *messages.Object) error {
		if now := progress(o); now != told && o.Status != "failed" {
			told = now
			s.c.notef("processor %s: %s", name, now)
		}
		switch o.Status {
		case "running":
			return errCanRun
		case "failed":
			return processorFailed{o}
		case "stopped", "paused":
			if o.RequestedStatus == o.Status {
				return messages.Errorf(messages.Conflict, "wait for processor", name, "somebody asked that it be %s", o.Status).
					WithHint("flowcli proc start %s", name)
			}
		}
		return nil
	}
	err := s.watch(ctx, see)
	switch {
	case errors.Is(err, errCanRun):
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return messages.Errorf(messages.Deadline, "wait for processor", name, "it cannot run yet; it is %s", told).
			WithHint("it goes on; see flowcli ls processor -n %s", name)
	case err == nil:
		return messages.Errorf(messages.Unavailable, "wait for processor", name, "the node stopped telling of it")
	}
	return err
}

// watch shows see the processor now and each time it changes, until see gives
// an error.
func (s *spawning) watch(ctx context.Context, see func(*messages.Object) error) error {
	for r, err := range s.net.Watch(ctx, messages.Kind_KIND_PROCESSOR, s.processor.Name) {
		if err != nil {
			return err
		}
		if err := see(r.Object); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// progress is a processor's status, with the last line of why.
func progress(o *messages.Object) string {
	lines := strings.Split(strings.TrimSpace(o.Message), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return o.Status + ": " + last
	}
	return o.Status
}

// processorFailed is the error of a processor that will not run; the last
// lines of its build stand in the message.
type processorFailed struct{ processor *messages.Object }

func (f processorFailed) Error() string {
	what := fmt.Sprintf("processor %s failed", f.processor.GetName())
	if message := strings.TrimSpace(f.processor.GetMessage()); message != "" {
		what += ":\n" + message
	}
	return what
}
