package actors

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/elasticcode/flow/flow"
	"github.com/elasticcode/flow/messages"
)

const second = int64(1_000_000)

// testCalendar ticks at full multiples of the interval.
type testCalendar struct{}

func (testCalendar) Next(s *messages.Schedule, since, after int64) (int64, bool) {
	return (max(since, after)/s.Interval + 1) * s.Interval, s.Interval > 0
}

func (c testCalendar) Last(s *messages.Schedule, since, after, before int64) (int64, bool) {
	last := (before - 1) / s.Interval * s.Interval
	return last, last > max(since, after)
}

func (testCalendar) Arguments(_ string, s *messages.Schedule, nominal int64) (*messages.Arguments, string) {
	if string(s.Data) == "bad" {
		return nil, "bad data"
	}
	return &messages.Arguments{Positional: [][]byte{strconv.AppendInt(nil, nominal, 10)}}, ""
}

func TestNextTickByPolicy(t *testing.T) {
	const now = 100 * int64(1_000_000)
	for _, test := range []struct {
		name         string
		missed       string
		last, began  int64 // seconds
		wantNominal  int64
		wantCatchUp  bool
		wantAtBefore bool // it is due at once
	}{
		{"nothing missed", "skip", 100, 50, 101, false, false},
		{"late, but the leader was there", "skip", 97, 50, 98, false, true},
		{"nobody led, skip", "skip", 80, 100, 100, false, true},
		{"nobody led, run once: the last one missed", "run_once", 80, 100, 99, true, true},
		{"run once, nothing missed", "run_once", 99, 95, 100, false, true},
		{"the leader was stuck, skip", "skip", 10, 5, 90, false, true},
		{"the leader was stuck, run once", "run_once", 10, 5, 89, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			state := &messages.ScheduleState{Schedule: &messages.Schedule{Interval: second, On: true, Missed: test.missed}, Last: test.last * second}
			tick, ok := nextTick(testCalendar{}, state, test.began*second, now)
			if !ok || tick.nominal != test.wantNominal*second || tick.catchUp != test.wantCatchUp || (tick.at <= now) != test.wantAtBefore {
				t.Errorf("the next tick is %+v, %v", tick, ok)
			}
		})
	}
}

func everySecond(missed string) *messages.ConfigureSocket {
	return &messages.ConfigureSocket{Socket: "s", Name: "s", Processor: "p", Function: "100us", Schedule: &messages.Schedule{Interval: second, On: true, Missed: missed}}
}

// ticks gives the calls that a schedule has made, oldest first.
func (r *realPartition) ticks() (calls []*messages.Call) {
	return flow.ListCalls(r.view(), &messages.ListCallsRequest{Socket: "s", Ascend: true, Rows: messages.MaxPageRows}, nil, 0, 0).Calls
}

func scheduledPartition() *realPartition {
	return newRealPartition(&messages.ConfigureProcessor{Processor: "p", Name: "p", Commit: "c1", Status: "running"})
}

func (r *realPartition) command(m *messages.ConfigureSocket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.apply(m)
}

func nominals(calls []*messages.Call) (seconds []int64) {
	for _, c := range calls {
		seconds = append(seconds, c.Tick/second)
	}
	return seconds
}

func TestScheduleTicksOnTime(t *testing.T) {
	real := scheduledPartition()
	inWorldOf(t, real, 1, 1, func(t *testing.T, w *world) {
		real.command(everySecond("skip"))
		time.Sleep(5500 * time.Millisecond)
		calls := real.ticks()
		if len(calls) != 5 {
			t.Fatalf("5.5 s made the ticks %v", nominals(calls))
		}
		for i, c := range calls {
			if late := c.Received - c.Tick; late < 0 || late > second/50 || i > 0 && c.Tick != calls[i-1].Tick+second {
				t.Errorf("tick %d is of %d, taken %d µs late", i, c.Tick, late)
			}
		}
		real.command(&messages.ConfigureSocket{Socket: "s", Name: "s", Processor: "p", Schedule: &messages.Schedule{Interval: second}})
		time.Sleep(3 * time.Second)
		if n := len(real.ticks()); n != 5 {
			t.Errorf("while it was paused, %d ticks were taken", n-5)
		}
	})
}

func TestOutageUnderEitherPolicy(t *testing.T) {
	for _, missed := range []string{"skip", "run_once"} {
		t.Run(missed, func(t *testing.T) {
			real := scheduledPartition()
			inWorldOf(t, real, 1, 1, func(t *testing.T, w *world) {
				real.command(everySecond(missed))
				time.Sleep(2500 * time.Millisecond)
				begin := real.ticks()[0].Tick / second
				w.leader.Following()
				time.Sleep(5 * time.Second)
				w.leader.Leading(2)
				time.Sleep(2 * time.Second)
				want := []int64{begin, begin + 1, begin + 7, begin + 8}
				if missed == "run_once" {
					want = slices.Insert(want, 2, begin+6)
				}
				calls := real.ticks()
				if got := nominals(calls); !slices.Equal(got, want) {
					t.Fatalf("ticks %v, want %v", got, want)
				}
				for i, c := range calls {
					if c.CatchUp != (missed == "run_once" && i == 2) {
						t.Errorf("tick %d: catch-up %v", i, c.CatchUp)
					}
				}
			})
		})
	}
}

func TestTwoLeadersMakeOneCallPerTick(t *testing.T) {
	real := scheduledPartition()
	inWorldOf(t, real, 1, 1, func(t *testing.T, w *world) {
		real.command(everySecond("run_once"))
		other := w.secondLeader(real)
		defer other.Stop()
		time.Sleep(4500 * time.Millisecond)
		if got := nominals(real.ticks()); len(got) != 4 {
			t.Errorf("two leaders made the ticks %v", got)
		}
	})
}

// secondLeader is a leader that has not heard that it is none any more.
func (w *world) secondLeader(real *realPartition) *Partition {
	s := w.network.system(w.t, "node-z")
	w.systems = append(w.systems, s)
	p, err := NewPartition(s, PartitionConfig{ID: 1, Group: realGroup{real}, State: real, Calendar: testCalendar{}})
	if err != nil {
		w.t.Fatal(err)
	}
	p.Leading(1)
	return p
}

func TestTickWhoseArgumentsDoNotFitIsLeftOut(t *testing.T) {
	real := scheduledPartition()
	inWorldOf(t, real, 1, 1, func(t *testing.T, w *world) {
		bad := everySecond("skip")
		bad.Schedule.Data = []byte("bad")
		real.command(bad)
		time.Sleep(2500 * time.Millisecond)
		state := flow.Schedules(real.view())[0]
		if calls := real.ticks(); len(calls) != 0 || state.Skipped != 2 || state.Reason != "bad data" {
			t.Errorf("%d calls were made; the schedule stands at %v", len(calls), state)
		}
		real.command(everySecond("skip"))
		time.Sleep(2 * time.Second)
		if n := len(real.ticks()); n != 2 {
			t.Errorf("with data that fit %d calls were made in 2 s", n)
		}
	})
}
