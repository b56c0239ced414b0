package placement

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// text says what is placed: "p: a=2 b=1; q: b=1".
func text(shares []Share) string {
	var parts []string
	for i, s := range shares {
		lead := " "
		if i == 0 || shares[i-1].Processor != s.Processor {
			lead = "; " + s.Processor + ": "
		}
		parts = append(parts, fmt.Sprintf("%s%s=%d", lead, s.Node, s.Slots))
	}
	return strings.TrimPrefix(strings.Join(parts, ""), "; ")
}

// read is the other way round.
func read(s string) (shares []Share) {
	for _, line := range strings.Split(s, "; ") {
		processor, rest, _ := strings.Cut(line, ": ")
		for _, part := range strings.Fields(rest) {
			share := Share{Processor: processor}
			fmt.Sscanf(strings.Replace(part, "=", " ", 1), "%s %d", &share.Node, &share.Slots)
			shares = append(shares, share)
		}
	}
	return shares
}

func hosts(s string) (hosts []Host) {
	for _, share := range read("hosts: " + s) {
		hosts = append(hosts, Host{share.Node, share.Slots})
	}
	return hosts
}

// wants reads "p=3 q=1@a": slots, and the node that q is pinned to.
func wants(s string) (wants []Want) {
	for _, part := range strings.Fields(s) {
		w := Want{}
		part, w.Pin, w.Pinned = strings.Cut(part, "@")
		fmt.Sscanf(strings.Replace(part, "=", " ", 1), "%s %d", &w.Processor, &w.Slots)
		wants = append(wants, w)
	}
	return wants
}

func TestSlots(t *testing.T) {
	for _, test := range []struct {
		name, strategy, hosts, wants, now, then string
	}{
		{"balanced over unequal nodes", Balanced, "a=5 b=4", "p=7", "", "p: a=4 b=3"},
		{"asked for less", Balanced, "a=5 b=4", "p=5", "p: a=4 b=3", "p: a=3 b=2"},
		{"efficient fills a node", Efficient, "a=5 b=4", "p=7", "", "p: a=5 b=2"},
		{"efficient empties the fuller node last", Efficient, "a=5 b=4", "p=4", "p: a=5 b=2", "p: a=4"},
		{"efficient goes where others are", Efficient, "a=2 b=4", "p=1 q=3", "p: b=1", "p: b=1; q: b=3"},
		{"nothing to place on", Balanced, "", "p=2", "p: a=2", ""},
		{"short: each gets one first", Balanced, "a=2 b=1", "p=9 q=1 r=1 s=1", "", "p: a=1; q: b=1; r: a=1"},
		{"short: in turns", Balanced, "a=4", "p=4 q=4", "p: a=4", "p: a=2; q: a=2"},
		{"the youngest waits", Balanced, "a=1", "p=1 q=1", "", "p: a=1"},
		{"a dead node's slots go elsewhere", Balanced, "a=4 c=4", "p=6", "p: a=2 b=2 c=2", "p: a=3 c=3"},
		{"within the CPUs that are left", Balanced, "a=3", "p=6", "p: a=3 b=3", "p: a=3"},
		{"what is placed stays", Balanced, "a=4 b=4", "p=3", "p: a=1 b=2", "p: a=1 b=2"},
		{"a newcomer is used", Balanced, "a=4 b=4", "p=4", "p: a=4", "p: a=2 b=2"},
		{"also when each has one slot", Balanced, "a=4 b=4", "p=1 q=1 r=1 s=1", "p: a=1; q: a=1; r: a=1; s: a=1", "p: b=1; q: b=1; r: a=1; s: a=1"},
		{"but not for one less", Balanced, "a=4 b=4", "p=1", "p: a=1", "p: a=1"},
		{"efficient leaves a newcomer empty", Efficient, "a=4 b=4", "p=4", "p: a=4", "p: a=4"},
		{"a pin holds", Balanced, "a=4 b=4", "p=3@a", "", "p: a=3"},
		{"a pin to a node that is gone", Balanced, "a=4", "p=3@b", "p: b=3", ""},
		{"a new pin moves slots", Balanced, "a=4 b=4", "p=2@b", "p: a=2", "p: b=2"},
		{"a pinned one needs the room", Balanced, "a=2 b=2", "p=2 q=2@a", "p: a=1 b=1", "p: b=2; q: a=2"},
		{"pins share their node in turns", Balanced, "a=3 b=9", "p=3@a q=3@a", "", "p: a=2; q: a=1"},
		{"a node that came back smaller", Balanced, "a=1 b=2", "p=2 q=1", "p: a=2; q: b=1", "p: a=1 b=1; q: b=1"},
	} {
		if got := text(Slots(test.strategy, hosts(test.hosts), wants(test.wants), read(test.now))); got != test.then {
			t.Errorf("%s: from %q to %q, want %q", test.name, test.now, got, test.then)
		}
	}
}

// TestSlotsKeepsItsPromises tries random networks through random changes.
func TestSlotsKeepsItsPromises(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 400 {
		strategy := []string{Balanced, Efficient}[rng.IntN(2)]
		var now []Share
		for step := range 12 {
			var hosts []Host
			for _, node := range []string{"a", "b", "c", "d", "e"} {
				if rng.IntN(4) > 0 {
					hosts = append(hosts, Host{node, rng.IntN(7)})
				}
			}
			var wants []Want
			for _, p := range []string{"p", "q", "r", "s"} {
				w := Want{Processor: p, Slots: rng.IntN(9)}
				if w.Pinned = rng.IntN(4) == 0; w.Pinned {
					w.Pin = string(rune('a' + rng.IntN(6)))
				}
				wants = append(wants, w)
			}
			then := Slots(strategy, hosts, wants, now)
			if broken := promise(strategy, hosts, wants, then); broken != "" {
				t.Fatalf("round %d, step %d: %s: hosts %v, wants %v, %s -> %s", round, step, broken, hosts, wants, text(now), text(then))
			}
			if again := Slots(strategy, hosts, wants, then); !slices.Equal(again, then) {
				t.Fatalf("round %d, step %d: asked again, %s became %s", round, step, text(then), text(again))
			}
			now = then
		}
	}
}

// promise says which promise of Slots a result breaks.
func promise(strategy string, hosts []Host, wants []Want, shares []Share) string {
	slots := func(match func(s Share) bool) (n int) {
		for _, s := range shares {
			if match(s) {
				n += s.Slots
			}
		}
		return n
	}
	free := 0
	for _, h := range hosts {
		used := slots(func(s Share) bool { return s.Node == h.Node })
		if used > h.CPUs {
			return "too many slots on " + h.Node
		}
		free += h.CPUs - used
	}
	for _, w := range wants {
		has := slots(func(s Share) bool { return s.Processor == w.Processor })
		elsewhere := slots(func(s Share) bool { return s.Processor == w.Processor && s.Node != w.Pin })
		switch {
		case has > w.Slots:
			return w.Processor + " has more than it wants"
		case w.Pinned && elsewhere > 0:
			return w.Processor + " is not where it is pinned"
		case !w.Pinned && has < w.Slots && free > 0:
			return w.Processor + " is short while CPUs are free"
		}
		for _, other := range wants {
			if more := slots(func(s Share) bool { return s.Processor == other.Processor }); !w.Pinned && !other.Pinned && has < w.Slots && more > has+1 {
				return other.Processor + " has more than its share, and " + w.Processor + " is short"
			}
		}
	}
	for _, to := range hosts {
		used := slots(func(s Share) bool { return s.Node == to.Node })
		for _, from := range shares {
			at := slots(func(s Share) bool { return s.Processor == from.Processor && s.Node == to.Node })
			pinned := slices.ContainsFunc(wants, func(w Want) bool { return w.Processor == from.Processor && w.Pinned })
			if strategy == Balanced && !pinned && used < to.CPUs && from.Slots-at > 1 {
				return from.Processor + " is uneven"
			}
		}
	}
	return ""
}
