package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// coming is a processor on its way to running what somebody has just asked for.
type coming struct {
	c         *cli
	net       *client.Client
	processor string
}

// errCanRun ends a watch whose purpose is reached.
var errCanRun = errors.New("the processor can run")

// wait tells on stderr how the processor comes to life, until it can run what
// was asked for.
func (p coming) wait(ctx context.Context) error {
	name := p.processor
	told := ""
	see := func(r *messages.ObjectResponse) error {
		o := r.Object
		failed := o.Status == "failed" || updateFailed(r)
		if now := progress(o); now != told && !failed {
			told = now
			p.c.notef("processor %s: %s", name, now)
		}
		switch {
		case failed:
			return processorFailed{o}
		case o.Status == "running" && o.GetProcessor().GetServing() == nil:
			return errCanRun
		case o.Status == "stopped", o.Status == "paused":
			if o.RequestedStatus == o.Status {
				return messages.Errorf(messages.Conflict, "wait for processor", name, "somebody asked that it be %s", o.Status).
					WithHint("flowcli proc start %s", name)
			}
		}
		return nil
	}
	err := p.watch(ctx, see)
	switch {
	case errors.Is(err, errCanRun):
		return nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, messages.Deadline): // the node may hear it pass first
		return messages.Errorf(messages.Deadline, "wait for processor", name, "it cannot run yet; it is %s", told).
			WithHint("it goes on; see flowcli ls processor -n %s", name)
	case err == nil:
		return messages.Errorf(messages.Unavailable, "wait for processor", name, "the node stopped telling of it")
	}
	return err
}

// updateFailed says that new code was tried wherever it was to be, and does
// not start; what ran before runs on.
func updateFailed(r *messages.ObjectResponse) bool {
	failed := false
	for _, o := range r.Related {
		if d := o.GetDeployment(); d != nil {
			if d.NextStatus != "failed" {
				return false
			}
			failed = true
		}
	}
	return failed && r.Object.GetProcessor().GetServing() != nil
}

// watch shows see the processor now and each time it changes, until see gives
// an error.
func (p coming) watch(ctx context.Context, see func(*messages.ObjectResponse) error) error {
	for r, err := range p.net.Watch(ctx, messages.Kind_KIND_PROCESSOR, p.processor) {
		if err != nil {
			return err
		}
		if err := see(r); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// progress is a processor's status, with why.
func progress(o *messages.Object) string {
	if why := briefly(o.Message); why != "" {
		return o.Status + ": " + why
	}
	return o.Status
}

// processorFailed is the error of a processor that will not run; the last
// lines of its build stand in the message.
type processorFailed struct{ processor *messages.Object }

func (f processorFailed) Error() string {
	what := fmt.Sprintf("processor %s failed", f.processor.GetName())
	if serving := f.processor.GetProcessor().GetServing(); serving != nil {
		what = fmt.Sprintf("the update of processor %s failed, and what ran before runs on", f.processor.GetName())
	}
	if message := strings.TrimSpace(f.processor.GetMessage()); message != "" {
		what += ":\n" + message
	}
	return what
}
