package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

const (
	// lookTime bounds one look at a call that somebody waits for.
	lookTime = time.Second
	// lastLook bounds the look after a wait was given up.
	lastLook = 500 * time.Millisecond
	// answerTime is what an answer that the network gives at the time-out takes.
	answerTime = 100 * time.Millisecond
)

// waiting tells people on stderr what the call that they wait for waits for
// itself, and how to go on when they wait no longer.
type waiting struct {
	c       *cli
	net     *client.Client
	request *messages.RunRequest // nil: the id is known
	id      string               // "": not known yet
	seen    *messages.CallInfo   // the latest look; nil: it is not known to be accepted
	told    string
}

// waitFor does what waits for a call's end, and says meanwhile what goes on.
// A limit above 0 is exact: when the network has not answered then, the state
// that was seen last is the answer.
func (c *cli) waitFor(ctx context.Context, w *waiting, limit time.Duration, wait func(context.Context) (*messages.CallInfo, error)) (*messages.CallInfo, error) {
	began := time.Now()
	bounded, cancel := context.WithCancel(ctx)
	if limit > 0 {
		bounded, cancel = context.WithTimeout(ctx, limit+answerTime)
	}
	defer cancel()
	looking, stop := context.WithCancel(bounded)
	var looks sync.WaitGroup
	looks.Go(func() { w.watch(looking) })
	call, err := wait(bounded)
	// A node hears of the deadline, and may say that it has passed just before it has.
	over := limit > 0 && time.Since(began) >= limit && ctx.Err() == nil
	stop()
	looks.Wait()
	if err == nil {
		return call, nil
	}
	return w.gaveUp(ctx, err, over)
}

// watch looks at the call from time to time.
func (w *waiting) watch(ctx context.Context) {
	pause := time.NewTicker(w.c.told)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
			w.look(ctx, lookTime)
			w.tell()
		}
	}
}

// look asks how the call is. What cannot be learnt now is left as it was.
func (w *waiting) look(ctx context.Context, patience time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if w.id == "" {
		socket, err := w.net.Get(ctx, messages.Kind_KIND_SOCKET, w.request.Socket)
		if err != nil {
			return
		}
		partition := messages.GroupID(socket.Object.GetSocket().GetPartition())
		w.id = messages.NewCallID(w.request.Id, partition, 0).String()
	}
	if call, err := w.net.GetCall(ctx, w.id, false); err == nil {
		w.seen = call
	}
}

// tell says what the call waits for, once for each change.
func (w *waiting) tell() {
	if w.seen == nil || w.seen.Waiting == "" || hasEnded(w.seen) {
		return
	}
	now, what := briefly(w.seen.Waiting), "waiting: "
	if stateOf(w.seen) == "running" {
		what = ""
	}
	told := now
	if strings.HasPrefix(now, "retry in ") {
		told = fmt.Sprintf("retry %d", w.seen.Attempts) // the time that is left changes with each look
	}
	if told != w.told {
		w.told = told
		w.c.notef("%s%s", what, now)
	}
}

// gaveUp explains a wait that ended before the call did. One that was accepted
// goes on, and can be asked for; over says that the limit has passed.
func (w *waiting) gaveUp(ctx context.Context, err error, over bool) (*messages.CallInfo, error) {
	unknown := over || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, messages.Unavailable) || errors.Is(err, messages.Deadline)
	if !unknown {
		return nil, err
	}
	w.look(context.WithoutCancel(ctx), lastLook)
	switch {
	case w.seen != nil && over:
		return w.seen, nil
	case w.seen != nil:
		return nil, hinted{err, fmt.Sprintf("call %s goes on; get its result with: flowcli task result %s", w.id, w.id)}
	case w.request == nil:
		return nil, hinted{err, "ask again: flowcli task result " + w.id}
	}
	return nil, resumable(err, w.request.Id)
}

// briefly is a text of several lines in one: the first, and the last, where
// what went wrong stands.
func briefly(text string) string {
	first, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if last := rest[strings.LastIndex(rest, "\n")+1:]; last != "" {
		return strings.TrimSuffix(first, ":") + ": " + last
	}
	return first
}
