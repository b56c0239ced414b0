package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/elasticcode/flow/messages"
)

const (
	jammedCalls = 100 * batchSize // that wait in front of a full mailbox
	jamBound    = 4               // calls that it holds
	jamRate     = "100/s"         // at which calls leave it
	jamTries    = 8               // processors made until one is in the partition of the socket that is measured
)

// neighbours measures one call at a time of a socket, first by itself, then while
// many calls of another one in its partition wait before a full mailbox, which
// becomes full and has room again all the time.
func neighbours(ctx context.Context, o options, dir string, r *Report) error {
	if !o.wants("neighbours") {
		return nil
	}
	w, err := startNetwork(ctx, o, filepath.Join(dir, "neighbours"), 1)
	if err != nil {
		return err
	}
	defer w.Close()
	alone, err := one(ctx, w, o.each)
	if err != nil {
		return err
	}
	alone.What = "echo, neighbours idle"
	r.add(1, alone)
	source, err := w.jam(ctx)
	if err != nil {
		return fmt.Errorf("make a full mailbox: %w", err)
	}
	beside, err := one(ctx, w, o.each)
	if err != nil {
		return err
	}
	beside.What = "echo, neighbours held back"
	r.add(1, beside)
	if left, err := w.queued(ctx, source); err != nil || left == 0 {
		return fmt.Errorf("%d calls of socket %s wait at the end, %v: it was not held back", left, source, err)
	}
	r.addResource(1, "p50 beside a full mailbox, of that alone", beside.P50/alone.P50, "x")
	return nil
}

func one(ctx context.Context, w *network, d time.Duration) (Figure, error) {
	if _, err := unary(ctx, w, socketEcho, 1, d/5); err != nil { // warm up
		return Figure{}, err
	}
	return unary(ctx, w, socketEcho, 1, d)
}

// jam fills a socket whose plug leads to a narrow one, in the partition of the
// echo socket, and gives its name once it is held back.
func (w *network) jam(ctx context.Context) (source string, err error) {
	create := func(o *messages.Object) error {
		o.Enabled = true
		_, err := w.clients[0].Create(ctx, o)
		return err
	}
	if err := create(&messages.Object{Kind: messages.Kind_KIND_QUEUE, Name: "narrow",
		Spec: &messages.Object_Queue{Queue: &messages.Queue{Qtype: "direct", MaxLength: jamBound}}}); err != nil {
		return "", err
	}
	if source, err = w.neighbour(ctx); err != nil {
		return "", err
	}
	if err := create(&messages.Object{Kind: messages.Kind_KIND_SOCKET, Name: "bench.narrow",
		Spec: &messages.Object_Socket{Socket: &messages.Socket{Processor: source, Queue: "narrow", Function: "echo", Ratelimit: jamRate}}}); err != nil {
		return "", err
	}
	if err := create(&messages.Object{Kind: messages.Kind_KIND_PLUG, Name: "bench.plug",
		Spec: &messages.Object_Plug{Plug: &messages.Plug{Type: "RESULT", Source: source, Target: "bench.narrow", Queue: "narrow"}}}); err != nil {
		return "", err
	}
	m := &messages.SubmitBatchRequest{Socket: source}
	for range batchSize {
		m.Data = append(m.Data, payload)
	}
	for range jammedCalls / batchSize {
		m.Id = ""
		if _, err := w.clients[0].SubmitBatch(ctx, m); err != nil {
			return "", err
		}
	}
	return source, nil
}

// neighbour makes processors with a socket each until one is in the partition of
// the echo socket.
func (w *network) neighbour(ctx context.Context) (string, error) {
	home, err := w.partition(ctx, socketEcho)
	if err != nil {
		return "", err
	}
	return w.placed(ctx, "bench.source", func(at uint32) bool { return at == home })
}

// placed makes them until one is in a partition that is right.
func (w *network) placed(ctx context.Context, prefix string, right func(partition uint32) bool) (string, error) {
	for i := range jamTries {
		name := fmt.Sprint(prefix, i)
		if err := w.makeSocket(ctx, name, "echo", &messages.Processor{BuiltinEcho: true, Concurrency: 1}); err != nil {
			return "", err
		}
		if at, err := w.partition(ctx, name); err != nil || right(at) {
			return name, err
		}
	}
	return "", fmt.Errorf("none of %d processors came into the right partition", jamTries)
}

func (w *network) partition(ctx context.Context, socket string) (uint32, error) {
	r, err := w.clients[0].Get(ctx, messages.Kind_KIND_SOCKET, socket)
	return r.GetObject().GetSocket().GetPartition(), err
}

func (w *network) queued(ctx context.Context, socket string) (int64, error) {
	list, err := w.clients[0].ListCalls(ctx, &messages.ListCallsRequest{Socket: socket, States: []string{"queued"}, Rows: 1})
	return list.GetTotal(), err
}
