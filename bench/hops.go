package main

import (
	"context"
	"fmt"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/chaos"
)

const (
	plugName = "plug hop"
	hops     = 300
)

// plugHops measures from the end of a call to the start of the one that a plug
// makes of it, in its partition and in another, by the times in their records:
// the source's end is its log's time, the target's start the Python worker's.
func plugHops(ctx context.Context, o options, w *network, r *Report) error {
	if !o.wants(plugName) {
		return nil
	}
	home, err := w.partition(ctx, socketPython)
	if err != nil {
		return err
	}
	for _, from := range []struct {
		name, where string
		right       func(partition uint32) bool
	}{
		{"bench.same", "same partition", func(p uint32) bool { return p == home }},
		{"bench.other", "other partition", func(p uint32) bool { return p != home }},
	} {
		source, err := w.placed(ctx, from.name, from.right)
		if err != nil {
			return err
		}
		f, err := w.hop(ctx, source)
		if err != nil {
			return fmt.Errorf("%s: %w", from.where, err)
		}
		f.What = plugName + ", " + from.where
		r.add(len(w.Nodes), f)
	}
	return nil
}

// hop plugs a socket into a new one of Python, and sends calls through.
func (w *network) hop(ctx context.Context, source string) (Figure, error) {
	target := source + ".target"
	for _, o := range []*messages.Object{
		{Kind: messages.Kind_KIND_SOCKET, Name: target, Enabled: true,
			Spec: &messages.Object_Socket{Socket: &messages.Socket{Processor: socketPython, Queue: "bench", Function: function}}},
		{Kind: messages.Kind_KIND_PLUG, Name: source + ".plug", Enabled: true,
			Spec: &messages.Object_Plug{Plug: &messages.Plug{Type: "RESULT", Source: source, Target: target, Queue: "bench"}}},
	} {
		if _, err := w.clients[0].Create(ctx, o); err != nil {
			return Figure{}, err
		}
	}
	ended := map[string]int64{}
	for len(ended) < hops {
		data := payload
		call, err := w.clients[0].Call(ctx, &messages.RunRequest{Socket: source, Data: &data})
		if err == nil {
			err = judge(source, call)
		}
		if err != nil {
			return Figure{}, err
		}
		ended[call.Id] = call.Finished
	}
	h := hdrhistogram.New(lowest, highest, digits)
	var came *messages.ListCallsResponse
	limited, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	err := chaos.Until(limited, "the targets to end", func() bool {
		var err error
		came, err = w.clients[0].ListCalls(ctx, &messages.ListCallsRequest{Socket: target, States: []string{"finished"}, Rows: messages.MaxPageRows})
		return err == nil && len(came.Calls) >= hops
	})
	if err != nil {
		return Figure{}, err
	}
	for _, call := range came.Calls {
		if at, ok := ended[call.Parent]; ok {
			_ = h.RecordValue(max(call.Started-at, lowest))
			delete(ended, call.Parent)
		}
	}
	if len(ended) > 0 {
		return Figure{}, fmt.Errorf("%d of %d calls went through no plug", len(ended), hops)
	}
	ms := func(us int64) float64 { return float64(us) / 1000 }
	return Figure{InFlight: 1, P50: ms(h.ValueAtQuantile(50)), P99: ms(h.ValueAtQuantile(99)), Max: ms(h.Max()), Done: hops}, nil
}
