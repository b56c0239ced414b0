package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// callFlags are what every verb takes that makes a call.
type callFlags struct {
	id       string
	timeout  durationValue
	noWait   bool
	priority int32
	room     bool
}

func (f *callFlags) define(cmd *cobra.Command) {
	f.timeout.bare = second
	flags := cmd.Flags()
	flags.StringVar(&f.id, "id", "", "key of the call: the same key sent again is the same call")
	flags.Var(&f.timeout, "timeout", "how long to wait for the result; a bare number is seconds (default as long as it takes)")
	flags.BoolVar(&f.noWait, "no-wait", false, "print the call's ID as soon as it is safe, and do not wait for the result")
	flags.Int32Var(&f.priority, "priority", 0, "higher runs first")
	flags.BoolVar(&f.room, "wait-for-room", false, "while the mailbox is full wait, rather than be refused")
	argv.Short(flags, "id", "i")
}

// call sends a call, waits for its end unless told not to, and prints the
// result. The key is made here, so that people who interrupt it can ask again.
func (c *cli) call(ctx context.Context, request *messages.RunRequest, f *callFlags) error {
	net, err := c.connect()
	if err != nil {
		return err
	}
	request.Id, request.Owner, request.Priority, request.WaitFull = f.id, c.owner(), f.priority, f.room
	request.Timeout = f.timeout.time.Milliseconds()
	if request.Id == "" {
		if request.Id, err = client.NewKey(); err != nil {
			return err
		}
	}
	if f.noWait {
		ctx, cancel := f.timeout.bound(ctx)
		defer cancel()
		return c.submit(ctx, net, request, f.id)
	}
	ended, err := c.waitFor(ctx, &waiting{c: c, net: net, request: request}, f.timeout.time, func(ctx context.Context) (*messages.CallInfo, error) {
		return net.Call(ctx, request)
	})
	if err != nil {
		return err
	}
	if ended.Duplicate {
		c.sentBefore(f.id, "call "+ended.Id)
	}
	return c.ended(ended)
}

// sentBefore tells people that their key was known. One that was made here is
// known only if the network was sent it twice.
func (c *cli) sentBefore(key, what string) {
	if key != "" {
		c.notef("%s: it was sent before with this key", what)
	}
}

// bound gives a context that ends when the time is over, and the answer to a
// request that has the same time-out would have come; without one, ctx.
func (v *durationValue) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if !v.given || v.time == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, v.time+answerTime)
}

func (c *cli) submit(ctx context.Context, net *client.Client, request *messages.RunRequest, key string) error {
	accepted, err := net.Submit(ctx, request)
	if err != nil {
		return resumable(err, request.Id)
	}
	switch {
	case accepted.Dropped:
		c.notef("call %s: it was sent before with this key and is %s; its record is gone", accepted.Id, lower(accepted.State))
	case accepted.Duplicate:
		c.sentBefore(key, "call "+accepted.Id)
	}
	if !c.structured() {
		_, err = fmt.Fprintln(c.out, accepted.Id)
		return err
	}
	return c.write(acceptedDocument(accepted))
}

// resumable says how to go on when it is not known whether what was sent with
// a key was accepted.
func resumable(err error, key string) error {
	unknown := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, messages.Unavailable) || errors.Is(err, messages.Deadline)
	if !unknown {
		return err
	}
	return hinted{err, fmt.Sprintf("it may have been accepted; the same command with --id %s asks again and never runs it twice", key)}
}

// ended prints what became of a call. Only a call that finished is a success.
func (c *cli) ended(call *messages.CallInfo) error {
	if c.structured() {
		if err := c.write(append(callDocument(call), document.Member{Name: "duplicate", Value: call.Duplicate})); err != nil {
			return err
		}
	}
	switch {
	case !hasEnded(call):
		return notEnded(call)
	case stateOf(call) != "finished":
		return callFailed{call}
	case c.structured() || call.Result == nil:
		return nil
	}
	return c.result(call.GetResult())
}

// result prints a string raw, so that it can be piped on, all else as JSON.
func (c *cli) result(text string) error {
	var raw string
	if err := json.Unmarshal([]byte(text), &raw); err == nil && text != "null" {
		text = raw
	}
	_, err := fmt.Fprintln(c.out, text)
	return err
}

// notEnded is the error for a wait that was too short. The call goes on.
func notEnded(call *messages.CallInfo) error {
	state := stateOf(call)
	if call.Waiting != "" {
		state += " (" + call.Waiting + ")"
	}
	return messages.Errorf(messages.Deadline, "wait for call", call.Id, "it has not ended; it is %s", state).
		WithHint("it goes on; get its result with: flowcli task result %s", call.Id)
}

// callFailed is the error of a call that ended without a result.
type callFailed struct{ call *messages.CallInfo }

func (f callFailed) Error() string {
	what := fmt.Sprintf("call %s of %s %s", f.call.Id, f.call.Socket, map[string]string{
		"failed": "failed", "cancelled": "was cancelled", "expired": "expired before it started",
	}[stateOf(f.call)])
	switch failure := f.call.Error; {
	case failure == nil:
		return what
	case failure.Type == stateOf(f.call): // of one that expired
		return what + ": " + failure.Message
	default:
		return what + ": " + failureText(failure)
	}
}
