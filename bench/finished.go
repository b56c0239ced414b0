package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/elasticcode/flow/messages"
)

const (
	keptCalls  = 1000        // finished calls that are left in the end
	stillLimit = time.Minute // in which some call must end, or be dropped
)

// finished lets many calls of a socket end, measures restarts with them, then
// calls of another socket in the partition, one at a time: while nothing else
// goes on, and while all but a few of those that ended are dropped.
func finished(ctx context.Context, o options, dir string, r *Report) error {
	if !o.wants("finished") {
		return nil
	}
	w, err := startNetwork(ctx, o, filepath.Join(dir, "finished"), 1)
	if err != nil {
		return err
	}
	defer w.Close()
	socket, err := w.neighbour(ctx)
	if err != nil {
		return err
	}
	h := held{socket, "finished", 0, "finished"}
	tries, err := h.count(ctx, w)
	if err != nil {
		return err
	}
	h.calls = tries + int64(o.buffered/batchSize*batchSize)
	if err := w.keep(ctx, socket, h.calls); err != nil {
		return err
	}
	begin := time.Now()
	if err := fill(ctx, w, socket, "accepted while they run, batches of 256", o.buffered, r); err != nil {
		return err
	}
	if err := h.come(ctx, w, func(n int64) bool { return n == h.calls }); err != nil {
		return err
	}
	r.addResource(1, "calls run a second, until "+h.String(), float64(h.calls)/time.Since(begin).Seconds(), "")
	if err := restarts(ctx, w, h.String(), h.intact, r); err != nil {
		return err
	}
	alone, err := one(ctx, w, o.each)
	if err != nil {
		return err
	}
	alone.What = "echo, many calls have finished"
	r.add(1, alone)
	return dropped(ctx, w, o, h, r)
}

// dropped sets how many finished calls are kept, and measures calls beside what
// that sets off.
func dropped(ctx context.Context, w *network, o options, h held, r *Report) error {
	begin := time.Now()
	if err := w.keep(ctx, h.socket, keptCalls); err != nil {
		return err
	}
	beside, err := unary(ctx, w, socketEcho, 1, o.each)
	if err != nil {
		return err
	}
	left, err := h.count(ctx, w)
	if err != nil {
		return err
	}
	beside.What = fmt.Sprintf("echo, %d finished calls are dropped", h.calls-left)
	r.add(1, beside)
	if err := h.come(ctx, w, func(n int64) bool { return n <= keptCalls }); err != nil {
		return err
	}
	r.addResource(1, fmt.Sprintf("until %d were dropped", h.calls-keptCalls), time.Since(begin).Seconds(), "s")
	return nil
}

// keep sets how many finished calls a socket keeps.
func (w *network) keep(ctx context.Context, socket string, calls int64) error {
	_, err := w.clients[0].Update(ctx, &messages.UpdateRequest{Kind: messages.Kind_KIND_SOCKET, Name: socket, Fields: []string{"socket.keep_calls"},
		Object: &messages.Object{Kind: messages.Kind_KIND_SOCKET, Spec: &messages.Object_Socket{Socket: &messages.Socket{KeepCalls: calls}}}})
	if err != nil {
		return fmt.Errorf("keep %d calls: %w", calls, err)
	}
	return nil
}

// come waits until there are as many calls as wanted, as long as their number changes.
func (h held) come(ctx context.Context, w *network, enough func(int64) bool) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	last, since := int64(-1), time.Now()
	for {
		n, err := h.count(ctx, w)
		switch {
		case err == nil && enough(n):
			return nil
		case err == nil && n != last:
			last, since = n, time.Now()
		case time.Since(since) > stillLimit:
			return fmt.Errorf("%d calls are %s, and have been for %v: %v", last, h.state, stillLimit, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
