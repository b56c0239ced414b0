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

// waiting fills a mailbox whose processor is paused, and measures one node's
// memory and restarts with it.
func waiting(ctx context.Context, o options, dir string, r *Report) error {
	if !o.wants("buffered") {
		return nil
	}
	w, err := startNetwork(ctx, o, filepath.Join(dir, "buffered"), 1)
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
	if err := fill(ctx, w, o.buffered, r); err != nil {
		return err
	}
	if err := pause(ctx, min(settleAfter, 2*o.each)); err != nil {
		return err
	}
	node := w.Nodes[0]
	if err := addMemory(node, 1, fmt.Sprintf("memory with %d calls buffered", o.buffered), r); err != nil {
		return err
	}
	for _, s := range []struct {
		how    string
		signal syscall.Signal
	}{{"SIGTERM", syscall.SIGTERM}, {"SIGKILL", syscall.SIGKILL}} {
		if err := restart(ctx, w, node, s.how, s.signal, o.buffered, r); err != nil {
			return fmt.Errorf("restart after %s: %w", s.how, err)
		}
	}
	return nil
}

// fill is also a load: calls that are accepted and not run.
func fill(ctx context.Context, w *network, calls int, r *Report) error {
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
		_, err := w.clients[0].SubmitBatch(context.WithoutCancel(ctx), &messages.SubmitBatchRequest{Socket: socketHeld, Data: data})
		return err
	})
	f.What = "accepted only, batches of 256"
	r.add(1, f)
	if want := int64(calls / batchSize * batchSize); f.Done != want {
		return fmt.Errorf("fill the mailbox: %d calls accepted, want %d", f.Done, want)
	}
	return nil
}

// restart ends the node, starts it, and measures until it is ready and until it
// has run a call.
func restart(ctx context.Context, w *network, node *chaos.Node, how string, signal syscall.Signal, calls int, r *Report) error {
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
	r.addResource(1, fmt.Sprintf("%s to ready, %d calls buffered", how, calls), time.Since(begin).Seconds(), "s")
	if err := w.call(limited, w.clients[0], socketEcho); err != nil {
		return err
	}
	r.addResource(1, fmt.Sprintf("%s to the first call run, %d calls buffered", how, calls), time.Since(begin).Seconds(), "s")
	list, err := w.clients[0].ListCalls(limited, &messages.ListCallsRequest{Socket: socketHeld, States: []string{"queued"}, Rows: 1})
	if err != nil {
		return err
	}
	if want := int64(calls / batchSize * batchSize); list.GetTotal() != want {
		return fmt.Errorf("%d calls are queued, want %d", list.GetTotal(), want)
	}
	return addMemory(node, 1, fmt.Sprintf("memory after the restart (%s), %d calls buffered", how, calls), r)
}
