package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/chaos"
)

const (
	socketHeld  = "bench.held"
	fillers     = 8                // callers that fill the mailbox
	settleAfter = 10 * time.Second // for what the state store does behind the calls
)

// waiting fills a mailbox whose processor is paused, on networks of each size, and
// measures one node's memory and restarts with it.
func waiting(ctx context.Context, o options, dir string, r *Report) error {
	if !o.wants("buffered") {
		return nil
	}
	for _, nodes := range o.nodes {
		if err := buffered(ctx, o, filepath.Join(dir, fmt.Sprintf("buffered-%d", nodes)), nodes, r); err != nil {
			return err
		}
	}
	return nil
}

func buffered(ctx context.Context, o options, dir string, nodes int, r *Report) error {
	w, err := startNetwork(ctx, o, dir, nodes)
	if err != nil {
		return err
	}
	defer w.Close()
	if err := w.makeSocket(ctx, socketHeld, "echo", &messages.Processor{BuiltinEcho: true, Concurrency: 1}); err != nil {
		return fmt.Errorf("make socket %s: %w", socketHeld, err)
	}
	if _, err := w.clients[0].Control(ctx, socketHeld, "stop"); err != nil {
		return err
	}
	if err := fill(ctx, w, socketHeld, "accepted only, batches of 256", o.buffered, r); err != nil || nodes > 1 {
		return err
	}
	if err := pause(ctx, min(settleAfter, 2*o.each)); err != nil {
		return err
	}
	node := w.Nodes[0]
	if err := addMemory(node, 1, fmt.Sprintf("memory with %d calls buffered", o.buffered), r); err != nil {
		return err
	}
	return restarts(ctx, w, held{socketHeld, "queued", int64(o.buffered / batchSize * batchSize), "buffered"}, r)
}

// fill is also a load: calls that are accepted.
func fill(ctx context.Context, w *network, socket, what string, calls int, r *Report) error {
	data := make([]string, batchSize)
	for i := range data {
		data[i] = payload
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var sent atomic.Int64
	f := closedLoop(ctx, fillers, time.Hour, batchSize, func(ctx context.Context, _ int) error {
		if sent.Add(batchSize) > int64(calls) {
			cancel()
			return ctx.Err()
		}
		_, err := w.clients[0].SubmitBatch(context.WithoutCancel(ctx), &messages.SubmitBatchRequest{Socket: socket, Data: data})
		return err
	})
	f.What = what
	r.add(len(w.Nodes), f)
	if want := int64(calls / batchSize * batchSize); f.Done != want {
		return fmt.Errorf("fill the mailbox: %d calls accepted, want %d", f.Done, want)
	}
	return nil
}

// held is what a node has in its state while it is restarted.
type held struct {
	socket, state string
	calls         int64
	as            string // in words
}

func (h held) String() string { return fmt.Sprintf("%d calls %s", h.calls, h.as) }

// count gives how many of the calls are there.
func (h held) count(ctx context.Context, w *network) (int64, error) {
	list, err := w.clients[0].ListCalls(ctx, &messages.ListCallsRequest{Socket: h.socket, States: []string{h.state}, Rows: 1})
	return list.GetTotal(), err
}

// restarts measures the one that finds the most in the log first: what is
// killed has not put its state onto the disk.
func restarts(ctx context.Context, w *network, h held, r *Report) error {
	for _, s := range []struct {
		how    string
		signal syscall.Signal
	}{{"SIGKILL", syscall.SIGKILL}, {"SIGTERM", syscall.SIGTERM}} {
		if err := restart(ctx, w, s.how, s.signal, h, r); err != nil {
			return fmt.Errorf("restart after %s: %w", s.how, err)
		}
	}
	return nil
}

// restart ends the node, starts it, and measures until it is ready and until it
// has run a call.
func restart(ctx context.Context, w *network, how string, signal syscall.Signal, h held, r *Report) error {
	node := w.Nodes[0]
	if signal == syscall.SIGKILL {
		node.Kill()
	} else if err := node.Stop(); err != nil {
		return err
	}
	begin := time.Now()
	if err := node.Start(); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := chaos.Until(limited, "the node to be ready", func() bool { _, ok := node.Ready(); return ok }); err != nil {
		return err
	}
	r.addResource(1, fmt.Sprintf("%s to ready, %s", how, h), time.Since(begin).Seconds(), "s")
	if err := w.call(limited, w.clients[0], socketEcho); err != nil {
		return err
	}
	r.addResource(1, fmt.Sprintf("%s to the first call run, %s", how, h), time.Since(begin).Seconds(), "s")
	if n, err := h.count(limited, w); err != nil || n != h.calls {
		return fmt.Errorf("%d calls are %s, want %d: %v", n, h.state, h.calls, err)
	}
	return addMemory(node, 1, fmt.Sprintf("memory after the restart (%s), %s", how, h), r)
}
