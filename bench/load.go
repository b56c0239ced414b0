package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Figure is what one load gave.
type Figure struct {
	Nodes    int     `json:"nodes"`
	What     string  `json:"what"`
	InFlight int     `json:"in_flight"`
	PerSec   float64 `json:"per_second"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	Max      float64 `json:"max_ms"`
	Done     int64   `json:"done"`
	Failed   int64   `json:"failed"`
}

const (
	lowest  = 1             // microsecond
	highest = 10 * 60 * 1e6 // ten minutes
	digits  = 3
)

// closedLoop keeps inFlight callers busy for a time and gives how often a second
// the call came back, and how long it took. per is how many calls one call
// stands for (a batch).
func closedLoop(ctx context.Context, inFlight int, d time.Duration, per int, call func(ctx context.Context, caller int) error) Figure {
	var wait sync.WaitGroup
	var failed atomic.Int64
	all := hdrhistogram.New(lowest, highest, digits)
	var mu sync.Mutex
	begin := time.Now()
	end := begin.Add(d)
	for caller := range inFlight {
		wait.Go(func() {
			mine := hdrhistogram.New(lowest, highest, digits)
			for ctx.Err() == nil && time.Now().Before(end) {
				t := time.Now()
				if err := call(ctx, caller); err != nil {
					failed.Add(1)
					continue
				}
				_ = mine.RecordValue(max(time.Since(t).Microseconds(), lowest))
			}
			mu.Lock()
			defer mu.Unlock()
			all.Merge(mine)
		})
	}
	wait.Wait()
	took := time.Since(begin).Seconds()
	ms := func(quantile float64) float64 { return float64(all.ValueAtQuantile(quantile)) / 1000 }
	return Figure{InFlight: inFlight, PerSec: float64(all.TotalCount()*int64(per)) / took,
		P50: ms(50), P99: ms(99), Max: float64(all.Max()) / 1000, Done: all.TotalCount() * int64(per), Failed: failed.Load()}
}
