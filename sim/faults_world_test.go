//go:build e2e

package sim

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestNodesHeedTheirClocksAndDisks lets the leader's clock be wrong, one disk rot,
// and a sync of another fail: the first leads no more, the second is replaced if
// it notices, the third ends and comes back.
func TestNodesHeedTheirClocksAndDisks(t *testing.T) {
	t.Parallel()
	const skewed, rotted, failed = 6 * time.Second, 14 * time.Second, 19 * time.Second
	o := Options{Seed: 3, Nodes: 3, For: Settle + 25*time.Second, Callers: 2, Calls: 30, Snapshot: DefaultSnapshot, Script: []Event{
		{At: skewed, Kind: faultSkew, Node: 0, Share: 0.5, For: 6 * time.Second},
		{At: rotted, Kind: faultRot, Node: 1, Count: rotErased, Share: 0.4, For: time.Second},
		{At: failed, Kind: faultBadSync, Node: 2, Count: 1, For: 2 * time.Second},
	}}
	r := simulate(t, guest(t), o)
	leads, from := map[string]bool{}, r.History[slices.IndexFunc(r.History, is("prepared"))].At
	for _, e := range r.History {
		word, group, _ := strings.Cut(e.Line, " ")
		group, _, _ = strings.Cut(group, " ")
		switch {
		case e.Machine == "n1" && word == "leading":
			leads[group] = true
		case e.Machine == "n1" && word == "following":
			delete(leads, group)
		}
		if at := time.Duration(e.At - from); at > skewed+4*time.Second && at < skewed+6*time.Second && len(leads) > 0 {
			t.Fatalf("at %s n1 leads the groups %v though its clock is 5 s ahead", at, leads)
		}
	}
	saw := func(machine, beginning, part string) bool {
		return slices.ContainsFunc(r.History, func(e Entry) bool {
			return e.Machine == machine && strings.HasPrefix(e.Line, beginning) && strings.Contains(e.Line, part)
		})
	}
	if !saw("n2", "rotten", "data/") {
		t.Error("nothing of n2 was damaged")
	}
	if !saw("n3", "failed", saysSick[0]) || r.History[len(r.History)-1].At < int64(failed) {
		t.Error("n3 went on after a sync that failed")
	}
}
