package sim

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestAScriptIsDrawnFromTheSeed wants the same script of the same seed, only
// events that can be performed, and each kind in some run.
func TestAScriptIsDrawnFromTheSeed(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(50) {
		o := Options{Seed: seed, Nodes: 3, For: time.Minute, Faults: Kinds()}
		script := draw(stream(seed, "faults"), o)
		if again := draw(stream(seed, "faults"), o); !reflect.DeepEqual(script, again) {
			t.Fatalf("seed %d has the scripts %v and %v", seed, script, again)
		}
		if err := CheckScript(o.Nodes, o.Faults, script); err != nil {
			t.Fatal(err)
		}
		for _, e := range script {
			seen[e.Kind] = true
		}
	}
	for _, name := range Kinds() {
		if !seen[name] || About(name) == "" {
			t.Errorf("kind %s: seen %v, about %q", name, seen[name], About(name))
		}
	}
}

func TestAScriptThatCannotBePerformedIsRefused(t *testing.T) {
	for _, e := range []Event{{Kind: "flood"}, {Kind: faultKill, Node: 3}, {Kind: faultKill, Peer: -1}, {Kind: faultKill, At: -1}, {Kind: faultKill, Count: -1}} {
		if CheckScript(3, nil, []Event{e}) == nil {
			t.Errorf("event %+v is accepted", e)
		}
	}
	if err := CheckScript(3, []string{"flood"}, nil); err == nil || !strings.Contains(err.Error(), faultKill) {
		t.Errorf("an unknown kind gives %v", err)
	}
}

// TestASwarmVaries wants runs without events, with one kind, and with several,
// of several sizes, and the same ones of the same seeds.
func TestASwarmVaries(t *testing.T) {
	base := Options{Faults: Kinds()}
	kinds, nodes := map[int]bool{}, map[int]bool{}
	for seed := range uint64(200) {
		o := base.varied(seed)
		if again := base.varied(seed); !reflect.DeepEqual(o, again) {
			t.Fatalf("seed %d gives %+v and %+v", seed, o, again)
		}
		kinds[min(2, len(o.Faults))], nodes[o.Nodes] = true, true
	}
	if len(kinds) != 3 || len(nodes) != 4 {
		t.Errorf("the swarm has so many kinds %v, and nodes %v", kinds, nodes)
	}
}
