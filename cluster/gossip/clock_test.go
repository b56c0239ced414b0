package gossip

import (
	"testing"
	"time"
)

func TestMedianOfClocks(t *testing.T) {
	for _, c := range []struct {
		name   string
		others []time.Duration
		want   time.Duration
	}{
		{"all agree", []time.Duration{0, 0}, 0},
		{"both others agree", []time.Duration{5, 5}, 5},
		{"another is off", []time.Duration{0, 5}, 0},
		{"all differ", []time.Duration{-5, 5}, 0},
		{"half agree with this one", []time.Duration{0, 5, 5}, 0},
		{"this one is alone", []time.Duration{5, 5, 6}, 5},
	} {
		if got := median(append([]time.Duration{0}, c.others...)); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// TestAClockThatIsOffIsFound: by its own node, and by no other.
func TestAClockThatIsOffIsFound(t *testing.T) {
	off := func(c *Config) { c.Now = func() time.Time { return time.Now().Add(5 * time.Second) } }
	a, b, c := start(t, "a", 1, "net"), start(t, "b", 1, "net", off), start(t, "c", 1, "net")
	if _, known := a.ClockAhead(); known {
		t.Error("it judges its clock alone")
	}
	join(t, b, a)
	join(t, c, a)
	near := func(m *Membership, want time.Duration) bool {
		ahead, known := m.ClockAhead()
		return known && (ahead-want).Abs() < time.Second
	}
	for deadline := time.Now().Add(20 * time.Second); !near(a, 0) || !near(b, 5*time.Second) || !near(c, 0); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			for _, m := range []*Membership{a, b, c} {
				t.Log(m.ClockAhead())
			}
			t.Fatal("the clocks are not judged")
		}
	}
	a.kill()
	eventually(t, b, 20*time.Second, "a is gone", func(by map[string]Member) bool { return !by["a"].Alive })
	if _, known := b.ClockAhead(); known {
		t.Error("two clocks are left, and one is found wrong")
	}
}
