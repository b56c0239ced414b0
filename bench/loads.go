package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// networks measures the loads on a network of each size.
func networks(ctx context.Context, o options, dir string, r *Report) error {
	if !anyLoad(o) {
		return nil
	}
	for _, n := range o.nodes {
		if err := onNetwork(ctx, o, filepath.Join(dir, fmt.Sprintf("%d-nodes", n)), n, r); err != nil {
			return fmt.Errorf("measure %d nodes: %w", n, err)
		}
	}
	return nil
}

// load is one way to send calls.
type load struct {
	name      string
	inFlights []int
	run       func(ctx context.Context, w *network, socket string, inFlight int, d time.Duration) (Figure, error)
}

var loads = []load{
	{"unary", inFlights, unary},
	{"callers", inFlights, callers},
	{"one stream", inFlights[1:], oneStream},
	{"batches of 256", []int{4 * batchSize}, batches},
}

var sockets = []struct{ name, socket string }{{"echo", socketEcho}, {"python", socketPython}}

func anyLoad(o options) bool {
	for _, s := range sockets {
		for _, l := range loads {
			if o.wants(s.name + ", " + l.name) {
				return true
			}
		}
		for _, rate := range o.rates {
			if o.wants(openName(s.name, rate)) {
				return true
			}
		}
	}
	for _, size := range payloads {
		if o.wants(payloadName(size)) {
			return true
		}
	}
	return o.wants("idle") || o.wants(plugName) || o.wants(commandName) || o.wants(commitName)
}

func onNetwork(ctx context.Context, o options, dir string, n int, r *Report) error {
	w, err := startNetwork(ctx, o, dir, n)
	if err != nil {
		return err
	}
	defer w.Close()
	if o.wants("idle") {
		if err := idle(ctx, o, w, r); err != nil {
			return err
		}
	}
	for _, s := range sockets {
		for _, l := range loads {
			name := s.name + ", " + l.name
			if !o.wants(name) {
				continue
			}
			for _, inFlight := range l.inFlights {
				if o.inFlight != 0 && inFlight != o.inFlight {
					continue
				}
				if _, err := l.run(ctx, w, s.socket, inFlight, o.each/5); err != nil { // warm up
					return fmt.Errorf("%s: %w", name, err)
				}
				before, workers, own := w.cpuTime(), w.workersCPU(), ownCPU()
				profiled := w.profiles.take(ctx, name, o.each)
				f, err := l.run(ctx, w, s.socket, inFlight, o.each)
				if err := errors.Join(err, profiled()); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				f.What = name
				f.CPU = float64((w.cpuTime() - before).Microseconds()) / float64(max(f.Done, 1))
				f.Workers = float64((w.workersCPU() - workers).Microseconds()) / float64(max(f.Done, 1))
				f.Own = float64((ownCPU() - own).Microseconds()) / float64(max(f.Done, 1))
				r.add(n, f)
			}
		}
	}
	for _, s := range sockets {
		if err := openLoops(ctx, o, w, s.socket, s.name, r); err != nil {
			return err
		}
	}
	if err := withPayloads(ctx, o, w, r); err != nil {
		return err
	}
	if err := plugHops(ctx, o, w, r); err != nil {
		return err
	}
	return people(ctx, o, w, r)
}

// unary gives each caller one request at a time; callers are spread over nodes.
func unary(ctx context.Context, w *network, socket string, inFlight int, d time.Duration) (Figure, error) {
	return callOver(ctx, w, w.apart, socket, inFlight, d), nil
}

// callers does the same with clients as they are: calls that are made together
// share a stream.
func callers(ctx context.Context, w *network, socket string, inFlight int, d time.Duration) (Figure, error) {
	return callOver(ctx, w, w.clients, socket, inFlight, d), nil
}

func callOver(ctx context.Context, w *network, clients []*client.Client, socket string, inFlight int, d time.Duration) Figure {
	return closedLoop(ctx, inFlight, d, 1, func(ctx context.Context, caller int) error {
		return w.call(ctx, clients[caller%len(clients)], socket)
	})
}

// oneStream keeps calls in flight over a single stream to one node. At the end
// it waits for those under way, as the other loads do.
func oneStream(ctx context.Context, w *network, socket string, inFlight int, d time.Duration) (Figure, error) {
	s := w.clients[0].Stream(ctx)
	defer s.Close()
	l := newLoop(d)
	since := map[uint64]time.Time{} // when what is in flight was sent, by tag
	send := func() error {
		data := payload
		begun := time.Now()
		tag, err := s.Send(&messages.RunRequest{Socket: socket, Data: &data})
		since[tag] = begun
		return err
	}
	for range inFlight {
		if err := send(); err != nil {
			return Figure{}, err
		}
	}
	for len(since) > 0 {
		a, err := s.Receive()
		if err != nil {
			return Figure{}, err
		}
		l.answered(since[a.Tag], verdict(socket, a))
		delete(since, a.Tag)
		if l.over() {
			continue
		}
		if err := send(); err != nil {
			return Figure{}, err
		}
	}
	return l.figure(inFlight, 1), nil
}

// verdict is the error that an answer of a stream bears, or is.
func verdict(socket string, a client.Answer) error {
	if a.Err != nil {
		return a.Err
	}
	return judge(socket, a.Call)
}

const batchSize = 256

// batches sends durable batches, each by a caller that then fetches the results.
func batches(ctx context.Context, w *network, socket string, inFlight int, d time.Duration) (Figure, error) {
	data := make([]string, batchSize)
	for i := range data {
		data[i] = payload
	}
	return closedLoop(ctx, inFlight/batchSize, d, batchSize, func(ctx context.Context, caller int) error {
		c := w.clients[caller%len(w.clients)]
		b, err := c.SubmitBatch(ctx, &messages.SubmitBatchRequest{Socket: socket, Data: data})
		if err != nil {
			return err
		}
		for call, err := range c.Results(ctx, b) {
			if err == nil {
				err = judge(socket, call)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}), nil
}
