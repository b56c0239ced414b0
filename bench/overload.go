package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/elasticcode/flow/messages"
)

const (
	overloadTimes   = 3   // what the node can, measured just before
	overloadStreams = 32  // each leaves up to 1,024 requests without an answer: more than a node takes
	overloadMemory  = 512 // MiB that a node may have meanwhile
	normalTimes     = 1.5 // of the idle p50: then latency is back to normal
	normalWindow    = 20  // calls, one after the other, whose p50 is looked at
	normalLimit     = 30 * time.Second
)

// overload sends calls for a while at three times the rate that the node can do,
// and counts: what was accepted has finished, all else was told to come back
// later. Then it waits until a call takes as long as it did before.
func overload(ctx context.Context, o options, dir string, r *Report) error {
	if !o.wants("overload") {
		return nil
	}
	w, err := startNetwork(ctx, o, filepath.Join(dir, "overload"), 1)
	if err != nil {
		return err
	}
	defer w.Close()
	idle, err := one(ctx, w, o.each)
	if err != nil {
		return err
	}
	can, err := oneStream(ctx, w, socketEcho, 1024, o.each)
	if err != nil {
		return err
	}
	watch := w.watchMemory()
	f := newFlood(int(overloadTimes*can.PerSec), o.overload)
	begun := w.cpuTime()
	err = f.run(ctx, w)
	used := w.cpuTime() - begun
	memory := watch()
	if err != nil {
		return fmt.Errorf("overload: %w", err)
	}
	normal, err := untilNormal(ctx, w, idle.P50, f.end)
	if err != nil {
		return err
	}
	accepted := figure(f.accepted, 0, 1, o.overload, &f.failed)
	accepted.What, accepted.CPU = "overload: what was accepted", float64(used.Microseconds())/float64(max(f.sent, 1))
	r.add(1, accepted)
	refused := figure(f.refused, 0, 1, o.overload, new(failures))
	refused.What = "overload: what was refused"
	r.add(1, refused)
	r.addResource(1, "overload: calls a second one stream gets done, before", can.PerSec, "")
	r.addResource(1, "overload: calls a second that came", float64(f.sent)/o.overload.Seconds(), "")
	r.addResource(1, fmt.Sprintf("overload: most memory, of %d", overloadMemory), memory, "MiB")
	r.addResource(1, fmt.Sprintf("overload: until p50 is below %.1f times that before", normalTimes), normal.Seconds(), "s")
	return f.judge(ctx, w, memory)
}

// flood is an open loop over many streams.
type flood struct {
	rate int
	end  time.Time
	d    time.Duration

	mu       sync.Mutex
	sent     int64
	accepted *hdrhistogram.Histogram // from when a call was due
	refused  *hdrhistogram.Histogram // from when it was sent
	failed   failures                // neither
}

func newFlood(rate int, d time.Duration) *flood {
	return &flood{rate: rate, d: d, accepted: hdrhistogram.New(lowest, highest, digits), refused: hdrhistogram.New(lowest, highest, digits)}
}

func (f *flood) run(ctx context.Context, w *network) error {
	begin := time.Now()
	f.end = begin.Add(f.d)
	errs := make([]error, overloadStreams)
	var all sync.WaitGroup
	for i := range overloadStreams {
		due := func(tag uint64) time.Time {
			return begin.Add((time.Duration(tag-1)*overloadStreams + time.Duration(i)) * time.Second / time.Duration(f.rate))
		}
		all.Go(func() { errs[i] = f.stream(ctx, w, due) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (f *flood) stream(ctx context.Context, w *network, due func(tag uint64) time.Time) error {
	s := w.clients[0].Stream(ctx)
	defer s.Close()
	t := &timed{stream: s, at: map[uint64]time.Time{}}
	sent := make(chan error, 1)
	go func() { sent <- sendAt(t, socketEcho, due, f.end) }()
	for {
		a, err := s.Receive()
		if errors.Is(err, io.EOF) {
			return <-sent
		}
		if err != nil {
			s.Close() // or the sender would wait for a place
			return errors.Join(err, <-sent)
		}
		f.answered(due(a.Tag), t.take(a.Tag), verdict(socketEcho, a))
	}
}

func (f *flood) answered(due, sent time.Time, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent++
	var e *messages.Error
	switch {
	case err == nil:
		_ = f.accepted.RecordValue(max(time.Since(due).Microseconds(), lowest))
	case errors.Is(err, messages.Exhausted) && errors.As(err, &e) && e.RetryAfter > 0:
		_ = f.refused.RecordValue(max(time.Since(sent).Microseconds(), lowest))
	default:
		f.failed.add(err)
	}
}

// judge holds what came against what was promised.
func (f *flood) judge(ctx context.Context, w *network, memory float64) error {
	var errs []error
	if f.failed.count > 0 {
		errs = append(errs, fmt.Errorf("%d calls were neither finished nor told when to come back, the first: %s", f.failed.count, f.failed.first))
	}
	if left, err := w.queued(ctx, socketEcho); err != nil || left > 0 {
		errs = append(errs, fmt.Errorf("%d calls wait still: %v", left, err))
	}
	if memory > overloadMemory {
		errs = append(errs, fmt.Errorf("the node had %.0f MiB, and %d are the most", memory, overloadMemory))
	}
	if f.refused.TotalCount() == 0 {
		errs = append(errs, errors.New("nothing was refused: it was no overload"))
	}
	return errors.Join(errs...)
}

// timed remembers when each request of a stream was sent. One goroutine sends.
type timed struct {
	stream
	mu  sync.Mutex
	tag uint64
	at  map[uint64]time.Time
}

// Send may wait for a place, which is no time of the request's.
func (t *timed) Send(m *messages.RunRequest) (uint64, error) {
	t.tag++
	t.note(t.tag, false)
	tag, err := t.stream.Send(m)
	t.note(tag, true)
	return tag, err
}

// note sets when a request was sent; again only while it has no answer.
func (t *timed) note(tag uint64, again bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, unanswered := t.at[tag]; unanswered == again {
		t.at[tag] = time.Now()
	}
}

func (t *timed) take(tag uint64) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.at[tag]
	delete(t.at, tag)
	return at
}

// untilNormal waits until calls take about as long as they did, and gives the
// time since the load ended.
func untilNormal(ctx context.Context, w *network, p50 float64, ended time.Time) (time.Duration, error) {
	limited, cancel := context.WithDeadline(ctx, ended.Add(normalLimit))
	defer cancel()
	for limited.Err() == nil {
		h := hdrhistogram.New(lowest, highest, digits)
		for range normalWindow {
			begin := time.Now()
			if err := w.call(limited, w.clients[0], socketEcho); err != nil {
				break
			}
			_ = h.RecordValue(time.Since(begin).Microseconds())
		}
		if h.TotalCount() == normalWindow && float64(h.ValueAtQuantile(50))/1000 <= normalTimes*p50 {
			return time.Since(ended), nil
		}
	}
	return 0, fmt.Errorf("%v after the load ended a call takes more than %.1f times as long as before it", normalLimit, normalTimes)
}

// watchMemory looks each second at what the first node has, and gives the most.
func (w *network) watchMemory() (most func() float64) {
	stop, highest := make(chan struct{}), make(chan float64)
	go func() {
		var most float64
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			if mib, err := resident(w.Nodes[0].PID()); err == nil {
				most = max(most, mib)
			}
			select {
			case <-tick.C:
			case <-stop:
				highest <- most
				return
			}
		}
	}()
	return func() float64 { close(stop); return <-highest }
}
