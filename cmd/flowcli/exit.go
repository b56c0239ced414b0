package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// exits is the one table of exit codes. A code never changes its meaning.
var exits = []struct {
	code    int
	kinds   []messages.KindError
	meaning string
}{
	{0, nil, "success, and only then"},
	{1, nil, "the call failed, was cancelled or expired; or the processor or the adaptor failed"},
	{2, []messages.KindError{messages.Invalid}, "wrong usage, or input that is not valid"},
	{3, []messages.KindError{messages.NotFound}, "no such thing"},
	{4, []messages.KindError{messages.Conflict}, "a conflict: a name taken, a key used for something else"},
	{5, []messages.KindError{messages.Unavailable, messages.NotLeader}, "no node at the address, or the network cannot serve now"},
	{6, []messages.KindError{messages.Deadline}, "not ended within --timeout, or the network gave no answer in time"},
	{7, []messages.KindError{messages.Denied}, "not allowed"},
	{8, []messages.KindError{messages.Exhausted}, "a bound was reached: a mailbox or a disk is full"},
	{9, nil, "a defect in flowcli or in the network"},
	{10, []messages.KindError{messages.Gone}, "the call has ended, and its record was dropped: it is not run again"},
	{130, nil, "interrupted"},
}

const (
	exitFailed      = 1
	exitDefect      = 9
	exitInterrupted = 130
)

func exitCode(err error) int {
	var failed callFailed
	var broken processorFailed
	switch {
	case errors.As(err, &interrupted{}):
		return exitInterrupted
	case errors.As(err, &failed), errors.As(err, &broken), errors.As(err, new(adaptorFailed)):
		return exitFailed
	case errors.Is(err, context.DeadlineExceeded):
		err = messages.Deadline
	}
	for _, e := range exits {
		for _, kind := range e.kinds {
			if errors.Is(err, kind) {
				return e.code
			}
		}
	}
	return exitDefect
}

// interrupted is what a run ends with that was told to stop.
type interrupted struct{ cause error }

func (i interrupted) Error() string { return "interrupted" }
func (i interrupted) Unwrap() error { return i.cause }

// hinted is an error with what to do about it, where no kind is needed.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// attempting names what somebody wanted in an error of a step on the way there.
func attempting(what string, err error) error {
	e, ok := err.(*messages.Error)
	if !ok {
		return err
	}
	named := *e
	named.Op = what
	return &named
}

// fail tells people why a run failed, on stderr, and gives its exit code.
func (c *cli) fail(err error) int {
	reason, hint := sentence(err)
	fmt.Fprintf(c.err, "%s %s\n", c.paint(c.err, red, "Error:"), reason)
	if hint != "" {
		fmt.Fprintf(c.err, "%s %s\n", c.paint(c.err, bold, "Hint:"), hint)
	}
	return exitCode(err)
}

// sentence parts an error into what went wrong and what to do.
func sentence(err error) (reason, hint string) {
	var stop interrupted
	if errors.As(err, &stop) {
		_, hint = sentence(stop.cause)
		return stop.Error(), hint
	}
	var h hinted
	if errors.As(err, &h) {
		reason, _ = sentence(h.error)
		return reason, h.hint
	}
	var e *messages.Error
	if errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &e) {
		return "no answer came in time", ""
	}
	if !errors.As(err, &e) || errors.As(err, &callFailed{}) || errors.As(err, &processorFailed{}) {
		return strings.TrimSpace(err.Error()), ""
	}
	bare := *e
	bare.Hint = ""
	return strings.Replace(err.Error(), e.Error(), bare.Error(), 1), withTime(e)
}

// withTime is what to do about an error, and when at the earliest where a bound
// was reached.
func withTime(e *messages.Error) string {
	switch {
	case e.RetryAfter == 0 || !errors.Is(e, messages.Exhausted):
		return e.Hint
	case e.Hint == "":
		return fmt.Sprintf("try again after %s", e.RetryAfter)
	}
	return fmt.Sprintf("%s; try again after %s", e.Hint, e.RetryAfter)
}
