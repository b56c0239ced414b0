package main

import (
	"context"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Figure is what one load gave.
type Figure struct {
	Nodes    int     `json:"nodes"` // 0: without a network
	What     string  `json:"what"`
	InFlight int     `json:"in_flight"`
	PerSec   float64 `json:"per_second"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	Max      float64 `json:"max_ms"`
	CPU      float64 `json:"node_cpu_us"`   // microseconds of CPU that the nodes used for a call, without their workers
	Workers  float64 `json:"worker_cpu_us"` // what the workers did
	Own      float64 `json:"load_cpu_us"`   // and what this program did, which shares their CPUs
	Done     int64   `json:"done"`
	Failed   int64   `json:"failed"`
	Error    string  `json:"error,omitempty"` // of the first that failed
}

const (
	lowest  = 1             // microsecond
	highest = 10 * 60 * 1e6 // ten minutes
	digits  = 3
)

// inFlights are the calls kept in flight, load by load.
var inFlights = []int{1, 64, 1024}

// closedLoop keeps inFlight callers busy for a time and gives how often a second
// the call came back, and how long it took. per is how many calls one call
// stands for (a batch).
func closedLoop(ctx context.Context, inFlight int, d time.Duration, per int, call func(ctx context.Context, caller int) error) Figure {
	var wait sync.WaitGroup
	l := newLoop(d)
	for caller := range inFlight {
		wait.Go(func() {
			for ctx.Err() == nil && !l.over() {
				t := time.Now()
				err := call(ctx, caller)
				if ctx.Err() != nil && err != nil {
					break // the run is over: nobody failed
				}
				l.answered(t, err)
				if err != nil {
					time.Sleep(failurePause)
				}
			}
		})
	}
	wait.Wait()
	return l.figure(inFlight*per, per)
}

// failurePause keeps a caller that is refused from spinning.
const failurePause = 10 * time.Millisecond

// failures are counted, and the first one is kept to be told.
type failures struct {
	mu    sync.Mutex
	count int64
	first string
}

func (f *failures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count++; f.count == 1 {
		f.first = err.Error()
	}
}

func figure(h *hdrhistogram.Histogram, inFlight, per int, took time.Duration, failed *failures) Figure {
	ms := func(quantile float64) float64 { return float64(h.ValueAtQuantile(quantile)) / 1000 }
	done := h.TotalCount() * int64(per)
	return Figure{InFlight: inFlight, PerSec: float64(done) / took.Seconds(),
		P50: ms(50), P99: ms(99), Max: float64(h.Max()) / 1000, Done: done, Failed: failed.count, Error: failed.first}
}

// loop is what answers come to while they come, for as long as it lasts. All callers share
// one histogram: one has 160 KiB, and a thousand of them would be work of their own.
type loop struct {
	begun  time.Time
	end    time.Time
	failed failures

	mu    sync.Mutex
	times *hdrhistogram.Histogram
}

func newLoop(d time.Duration) *loop {
	now := time.Now()
	return &loop{times: hdrhistogram.New(lowest, highest, digits), begun: now, end: now.Add(d)}
}

func (l *loop) answered(sent time.Time, err error) {
	if err != nil {
		l.failed.add(err)
		return
	}
	took := max(time.Since(sent).Microseconds(), lowest)
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.times.RecordValue(took)
}

// over says that nothing more is to be sent.
func (l *loop) over() bool { return time.Now().After(l.end) }

// figure is taken when all has been answered. per: see closedLoop.
func (l *loop) figure(inFlight, per int) Figure {
	return figure(l.times, inFlight, per, time.Since(l.begun), &l.failed)
}
