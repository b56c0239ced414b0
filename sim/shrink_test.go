package sim

import (
	"slices"
	"testing"
	"time"
)

// TestShrinkFindsWhatMatters gives a run of which two events, two nodes and five
// calls are needed, and wants that nothing else is left.
func TestShrinkFindsWhatMatters(t *testing.T) {
	o := Options{Nodes: 5, For: 2 * time.Minute, Faults: Kinds(), Script: draw(stream(3, "faults"), Options{Nodes: 5, For: 2 * time.Minute, Faults: Kinds()})}
	needed := []Event{{At: time.Second, Kind: faultKill, Node: 1, Count: 1}, {At: 20 * time.Second, Kind: faultKill, For: 2 * time.Second, Count: 1}}
	o.Script = append(o.Script, needed...)
	runs := 0
	s := shrinker{left: 500, best: o, told: func(Options, string) {}, breaks: func(o Options) (bool, error) {
		runs++
		if err := CheckScript(o.Nodes, o.Faults, o.Script); err != nil {
			t.Fatal(err)
		}
		return slices.Contains(o.Script, needed[0]) && slices.Contains(o.Script, needed[1]) &&
			o.Nodes >= 2 && (o.Calls == 0 || o.Calls >= 5) && o.For >= Settle+22*time.Second, nil
	}}
	if err := s.shrink(); err != nil {
		t.Fatal(err)
	}
	got := s.best
	if !slices.Equal(got.Script, needed) || !slices.Equal(got.Faults, []string{faultKill}) || got.Nodes != 2 || got.Callers != 1 || got.Calls != 8 ||
		got.For != Settle+22*time.Second+afterLast {
		t.Errorf("%d runs left %+v", runs, got)
	}
}

func TestShrinkKeepsToItsRuns(t *testing.T) {
	runs := 0
	s := shrinker{left: 7, best: Options{Nodes: 3, For: time.Minute, Faults: Kinds(), Script: make([]Event, 40)}, told: func(Options, string) {},
		breaks: func(Options) (bool, error) { runs++; return false, nil }}
	if err := s.shrink(); err != nil || runs != 7 {
		t.Errorf("%d runs, %v", runs, err)
	}
}
