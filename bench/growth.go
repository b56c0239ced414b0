package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/elasticcode/flow/messages"
)

const (
	growthInFlight = 64
	makers         = 32  // sockets that are made at once
	queueSockets   = 100 // of one queue, whose partition is told all of them when one is made
)

// moreSockets makes sockets of the echo processor, and measures calls that go to
// each in turn.
func moreSockets(ctx context.Context, o options, dir string, r *Report) error {
	if !o.wants("sockets") {
		return nil
	}
	w, err := startNetwork(ctx, o, filepath.Join(dir, "sockets"), 1)
	if err != nil {
		return err
	}
	defer w.Close()
	made := 0
	for _, n := range o.sockets {
		begin := time.Now()
		if err := w.makeMore(ctx, made, n); err != nil {
			return fmt.Errorf("make %d sockets: %w", n, err)
		}
		if n > made {
			r.addResource(1, fmt.Sprintf("sockets made a second, from %d to %d", made, n), float64(n-made)/time.Since(begin).Seconds(), "")
		}
		made = max(made, n)
		var next atomic.Int64
		to := func(int) string { return moreName(int(next.Add(1)) % n) }
		if err := w.measure(ctx, o, r, fmt.Sprintf("echo, over %d sockets", n), growthInFlight, to, payload); err != nil {
			return err
		}
		if err := addMemory(w.Nodes[0], 1, fmt.Sprintf("memory with %d sockets", n), r); err != nil {
			return err
		}
	}
	return restarts(ctx, w, fmt.Sprintf("%d sockets", made), func(ctx context.Context, w *network) error { return w.listed(ctx, made, r) }, r)
}

// listed lists all sockets, page by page.
func (w *network) listed(ctx context.Context, made int, r *Report) error {
	begin, found := time.Now(), 0
	for token := ""; ; {
		page, err := w.clients[0].List(ctx, &messages.ListRequest{Kind: messages.Kind_KIND_SOCKET, Rows: messages.MaxPageRows, PageToken: token})
		if err != nil {
			return err
		}
		found += len(page.Objects)
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	r.addResource(1, fmt.Sprintf("%d sockets listed", found), time.Since(begin).Seconds(), "s")
	if found < made {
		return fmt.Errorf("%d sockets are listed, %d were made", found, made)
	}
	return nil
}

func moreName(i int) string { return fmt.Sprintf("bench.more%d", i) }

func (w *network) makeMore(ctx context.Context, from, to int) error {
	for q := (from + queueSockets - 1) / queueSockets; q*queueSockets < to; q++ {
		if _, err := w.clients[0].Create(ctx, &messages.Object{Kind: messages.Kind_KIND_QUEUE, Name: fmt.Sprintf("bench.more%d", q), Enabled: true,
			Spec: &messages.Object_Queue{Queue: &messages.Queue{Qtype: "direct"}}}); err != nil {
			return err
		}
	}
	return sideBySide(makers, to-from, func(i int) error {
		_, err := w.clients[0].Create(ctx, &messages.Object{Kind: messages.Kind_KIND_SOCKET, Name: moreName(from + i), Enabled: true,
			Spec: &messages.Object_Socket{Socket: &messages.Socket{Processor: socketEcho, Queue: fmt.Sprintf("bench.more%d", (from+i)/queueSockets), Function: "echo"}}})
		return err
	})
}

// measure is a closed loop of single requests with some data, after a warm-up.
func (w *network) measure(ctx context.Context, o options, r *Report, what string, inFlight int, to func(caller int) string, data string) error {
	call := func(ctx context.Context, caller int) error {
		m := &messages.RunRequest{Socket: to(caller), Data: &data}
		info, err := w.clients[caller%len(w.clients)].Call(ctx, m)
		if err == nil && (info.GetState() != "finished" || info.GetResult() != data) {
			err = fmt.Errorf("call %s of %d bytes came back %s with %d bytes %v", info.GetId(), len(data), info.GetState(), len(info.GetResult()), info.GetError())
		}
		return err
	}
	closedLoop(ctx, inFlight, o.each/5, 1, call)
	before := w.cpuTime()
	f := closedLoop(ctx, inFlight, o.each, 1, call)
	f.What, f.CPU = what, float64((w.cpuTime()-before).Microseconds())/float64(max(f.Done, 1))
	r.add(len(w.Nodes), f)
	return ctx.Err()
}

// morePartitions measures calls of as many processors as there are partitions.
func morePartitions(ctx context.Context, o options, dir string, r *Report) error {
	if !o.wants("partitions") {
		return nil
	}
	for _, n := range o.parts {
		if err := withPartitions(ctx, o, filepath.Join(dir, fmt.Sprint("partitions-", n)), n, r); err != nil {
			return fmt.Errorf("measure %d partitions: %w", n, err)
		}
	}
	return nil
}

func withPartitions(ctx context.Context, o options, dir string, n int, r *Report) error {
	o.flags = append([]string{"--partitions", fmt.Sprint(n), "--cpus", fmt.Sprint(2*slots + n)}, o.flags...)
	w, err := startNetwork(ctx, o, dir, 1)
	if err != nil {
		return err
	}
	defer w.Close()
	at := map[uint32]string{} // a socket of each partition
	for i := 0; len(at) < n; i++ {
		if i == jamTries*n {
			return fmt.Errorf("%d processors came into %d of %d partitions", i, len(at), n)
		}
		name := fmt.Sprint("bench.partition", i)
		if err := w.makeSocket(ctx, name, "echo", &messages.Processor{BuiltinEcho: true, Concurrency: 1}); err != nil {
			return err
		}
		home, err := w.partition(ctx, name)
		if err != nil {
			return err
		}
		at[home] = name
	}
	var names []string
	for _, name := range at {
		names = append(names, name)
	}
	to := func(caller int) string { return names[caller%n] }
	return w.measure(ctx, o, r, fmt.Sprintf("echo, over %d partitions", n), growthInFlight, to, payload)
}

// payloads are the sizes of arguments, and of results, to measure with. What is
// above 256 KiB goes by reference.
var payloads = []int{100, 1 << 10, 10 << 10, 100 << 10, 1 << 20}

func payloadName(size int) string { return fmt.Sprintf("echo, payload of %d bytes", size) }

func withPayloads(ctx context.Context, o options, w *network, r *Report) error {
	for _, size := range payloads {
		what := payloadName(size)
		if !o.wants(what) {
			continue
		}
		data := `"` + strings.Repeat("x", size-2) + `"`
		if err := w.measure(ctx, o, r, what, 16, func(int) string { return socketEcho }, data); err != nil {
			return err
		}
	}
	return nil
}

// backlog measures calls one at a time while more and more wait for another
// processor in the same partition, and how long one more takes to be accepted.
func backlog(ctx context.Context, o options, dir string, r *Report) error {
	if !o.wants("backlog") {
		return nil
	}
	w, err := startNetwork(ctx, o, filepath.Join(dir, "backlog"), 1)
	if err != nil {
		return err
	}
	defer w.Close()
	held, err := w.neighbour(ctx)
	if err != nil {
		return err
	}
	if _, err := w.clients[0].Control(ctx, held, "stop"); err != nil {
		return err
	}
	for _, n := range o.backlogs {
		waiting, err := w.queued(ctx, held)
		if err != nil {
			return err
		}
		if err := w.deepen(ctx, held, n-int(waiting)); err != nil {
			return err
		}
		if err := w.measure(ctx, o, r, fmt.Sprintf("echo beside a backlog of %d calls", n), 1, func(int) string { return socketEcho }, payload); err != nil {
			return err
		}
		accepted := closedLoop(ctx, 1, o.each/5, 1, func(ctx context.Context, _ int) error {
			data := payload
			_, err := w.clients[0].Submit(ctx, &messages.RunRequest{Socket: held, Data: &data})
			return err
		})
		accepted.What = fmt.Sprintf("accepted behind a backlog of %d calls", n)
		r.add(1, accepted)
	}
	return ctx.Err()
}

// deepen sends calls that will wait.
func (w *network) deepen(ctx context.Context, socket string, calls int) error {
	return sideBySide(fillers, (calls+batchSize-1)/batchSize, func(i int) error {
		data := make([]string, min(batchSize, calls-i*batchSize))
		for i := range data {
			data[i] = payload
		}
		_, err := w.clients[0].SubmitBatch(ctx, &messages.SubmitBatchRequest{Socket: socket, Data: data})
		return err
	})
}
