package supervise

import (
	"testing"
	"time"
)

func TestDelaysDoubleUpToTheirBound(t *testing.T) {
	p := Policy{Free: 1, First: 50 * time.Millisecond, Max: time.Second}
	want := []time.Duration{0, 50, 100, 200, 400, 800, 1000, 1000}
	for i, w := range want {
		if got := p.Decide(i + 1); got.Stop || got.After != w*time.Millisecond {
			t.Errorf("failure %d: got %+v, want a restart after %v", i+1, got, w*time.Millisecond)
		}
	}
}

func TestManyFailuresDoNotOverflow(t *testing.T) {
	p := Policy{First: time.Millisecond, Max: time.Minute}
	if got := p.Decide(1 << 30); got != (Action{After: time.Minute}) {
		t.Errorf("got %+v, want a restart after a minute", got)
	}
}

func TestTheLastRestartIsTheLimit(t *testing.T) {
	p := Policy{First: time.Millisecond, Max: time.Second, Limit: 3}
	if got := p.Decide(3); got.Stop {
		t.Error("the third failure stopped the actor, its limit is three restarts")
	}
	if got := p.Decide(4); !got.Stop {
		t.Error("the fourth failure restarted the actor, its limit is three restarts")
	}
}

func TestWithoutLimitItAlwaysRestarts(t *testing.T) {
	if got := (Policy{Max: time.Second}).Decide(1_000_000); got.Stop {
		t.Error("an actor without a limit was stopped")
	}
}
