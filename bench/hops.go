package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/chaos"
)

const (
	plugName = "plug hop"

	hopModule = "bench_hop"
	hopTarget = hopModule + ".now"

	hops = 100 // what one page of calls with their results holds
)

// plugHops measures from the end of a call to the start of the one that a plug
// makes of it, in its partition and in another, by the clock of
// the machine: the source's end is its log's time, and the target, in Python, gives
// the time at which it started.
func plugHops(ctx context.Context, o options, w *network, r *Report) error {
	if !o.wants(plugName) {
		return nil
	}
	if err := w.commit(ctx, hopModule+".py", "import time\n\n\ndef now(_):\n    return time.time_ns() // 1000\n"); err != nil {
		return err
	}
	if err := w.flowcli(ctx, "", "spawn", "-g", "file://"+repositoryIn(w.dir), "-m", hopModule, "-n", hopModule, "-w", "1"); err != nil {
		return err
	}
	home, err := w.partition(ctx, hopTarget)
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

// hop plugs a socket into the target, and sends calls through.
func (w *network) hop(ctx context.Context, source string) (Figure, error) {
	if _, err := w.clients[0].Create(ctx, &messages.Object{Kind: messages.Kind_KIND_PLUG, Name: source + ".plug", Enabled: true,
		Spec: &messages.Object_Plug{Plug: &messages.Plug{Type: "RESULT", Source: source, Target: hopTarget, Queue: "bench"}}}); err != nil {
		return Figure{}, err
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
	limited, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	err := chaos.Until(limited, "the targets to end", func() bool {
		came, _ := w.clients[0].ListCalls(ctx, &messages.ListCallsRequest{Socket: hopTarget, States: []string{"finished"}, Results: true, Rows: 100})
		for _, call := range came.GetCalls() {
			at, first := ended[call.Parent]
			if started, err := strconv.ParseInt(call.GetResult(), 10, 64); first && err == nil {
				_ = h.RecordValue(max(started-at, lowest))
				delete(ended, call.Parent)
			}
		}
		return len(ended) == 0
	})
	if err != nil {
		return Figure{}, fmt.Errorf("%d calls went through no plug: %w", len(ended), err)
	}
	ms := func(us int64) float64 { return float64(us) / 1000 }
	return Figure{InFlight: 1, P50: ms(h.ValueAtQuantile(50)), P99: ms(h.ValueAtQuantile(99)), Max: ms(h.Max()), Done: hops}, nil
}
