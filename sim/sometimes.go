package sim

import (
	"slices"
	"strings"
)

// sometimes is something that ought to happen in some runs of a swarm: what
// never does was never tested.
type sometimes struct {
	name string
	seen func(h History) bool
}

// allSometimes are judged on the history alone.
var allSometimes = []sometimes{
	{"a node died", contains("killed")},
	{"a node died and came back before the network was set up", func(h History) bool {
		return before(h, is("killed"), is("prepared"))
	}},
	{"a node died within 100 ms of its start", diedYoung},
	{"all nodes were down at the same time", func(h History) bool { return mostDown(h) == len(nodesOf(h)) }},
	{"most of the nodes were down at the same time", func(h History) bool { return mostDown(h) > len(nodesOf(h))/2 }},
	{"a leader of the meta group died", leaderDied("0")},
	{"a leader of a partition died", func(h History) bool { return leaderDied("1")(h) || leaderDied("2")(h) }},
	{"a leader lost its leadership and lived", begins("following ")},
	{"two nodes believed that they led the same group", twoLeaders},
	{"a client did not learn whether its call was accepted", begins("unknown ")},
	{"a client could not read a call's end", begins("unread ")},
	{"a call ran more than once", func(h History) bool { return again(h, "began ") }},
	{"a call was done more than once", func(h History) bool { return again(h, "done ") }},
	{"a worker began a call and its node died", beganAndDied},
	{"a call failed for good", failedForGood},
	{"a node stopped in order", exactly("stopped")},
	{"a leader handed over when it was told to", exactly("transferred")},
	{"a call was cancelled before it ended", cancelled("cancelled")},
	{"a call ended before it was cancelled", cancelled("finished")},
	{"a node ended because its disk failed", func(h History) bool { return endedSaying(h, saysSick) }},
	{"a node ended because its disk was damaged", func(h History) bool { return endedSaying(h, saysDamaged) }},
	{"a node was replaced", exactly("replaced")},
	{"a node that was removed ended when it came back", func(h History) bool { return endedSaying(h, []string{saysRemoved}) }},
	{"a node went back to the release before and was refused", func(h History) bool { return endedSaying(h, []string{saysOutdated}) }},
	{"a node stood still and went on", exactly("goes on")},
	{"no event befell the run", func(h History) bool { return !begins("event ")(h) }},
}

// Sometimes names all that ought to happen sometimes.
func Sometimes() (names []string) {
	for _, s := range allSometimes {
		names = append(names, s.name)
	}
	return names
}

// Seen names those that happened in a run.
func Seen(h History) (names []string) {
	for _, s := range allSometimes {
		if s.seen(h) {
			names = append(names, s.name)
		}
	}
	return names
}

// failedForGood: a client read that a call of its own, or one that it led to, had
// failed.
func failedForGood(h History) bool {
	return slices.ContainsFunc(h, func(e Entry) bool {
		f := strings.Fields(e.Line)
		return len(f) > 2 && f[0] == "read" && f[2] == "failed" || len(f) > 4 && f[0] == "caused" && f[4] == "failed"
	})
}

// endedSaying: a node that ended by itself said one of some things.
func endedSaying(h History, said []string) bool {
	return slices.ContainsFunc(h, func(e Entry) bool { return strings.HasPrefix(e.Line, "failed ") && says(e.Line, said) })
}

func is(line string) func(Entry) bool { return func(e Entry) bool { return e.Line == line } }

func begins(text string) func(History) bool {
	return func(h History) bool {
		return slices.ContainsFunc(h, func(e Entry) bool { return strings.HasPrefix(e.Line, text) })
	}
}

func exactly(line string) func(History) bool {
	return func(h History) bool { return slices.ContainsFunc(h, is(line)) }
}

// cancelled: a client was told that the call it cancelled had reached a state.
func cancelled(state string) func(History) bool {
	return func(h History) bool {
		return slices.ContainsFunc(h, func(e Entry) bool {
			return strings.HasPrefix(e.Line, "cancel ") && strings.HasSuffix(e.Line, " "+state)
		})
	}
}

func contains(text string) func(History) bool {
	return func(h History) bool {
		return slices.ContainsFunc(h, func(e Entry) bool { return strings.Contains(e.Line, text) })
	}
}

// before says whether the first of one kind came before the first of another.
func before(h History, one, other func(Entry) bool) bool {
	i, j := slices.IndexFunc(h, one), slices.IndexFunc(h, other)
	return i >= 0 && (j < 0 || i < j)
}

func nodesOf(h History) map[string]bool {
	nodes := map[string]bool{}
	for _, e := range h {
		if e.Line == "booted" && e.Machine != "clients" {
			nodes[e.Machine] = true
		}
	}
	return nodes
}

// mostDown is how many nodes were down at the same time.
func mostDown(h History) (most int) {
	down := map[string]bool{}
	for _, e := range h {
		switch {
		case e.Machine == "clients":
		case e.Line == "killed":
			down[e.Machine] = true
		case e.Line == "booted":
			delete(down, e.Machine)
		}
		most = max(most, len(down))
	}
	return most
}

// young is less time than a node needs to have joined.
const young = 100e6

func diedYoung(h History) bool {
	booted := map[string]int64{}
	for _, e := range h {
		if e.Line == "booted" {
			booted[e.Machine] = e.At
		}
		if e.Line == "killed" && e.At-booted[e.Machine] < young {
			return true
		}
	}
	return false
}

// reigning calls f after each entry with the nodes that believe they lead a
// group; an entry that ends a belief is still told with it.
func reigning(h History, f func(e Entry, leaders map[string]map[string]bool) bool) bool {
	leaders := map[string]map[string]bool{} // by group
	for _, e := range h {
		fields := strings.Fields(e.Line)
		if len(fields) == 3 && fields[0] == "leading" {
			if leaders[fields[1]] == nil {
				leaders[fields[1]] = map[string]bool{}
			}
			leaders[fields[1]][e.Machine] = true
		}
		if f(e, leaders) {
			return true
		}
		switch {
		case len(fields) == 2 && fields[0] == "following":
			delete(leaders[fields[1]], e.Machine)
		case e.Line == "killed" || e.Line == "stopped":
			for _, of := range leaders {
				delete(of, e.Machine)
			}
		}
	}
	return false
}

func leaderDied(group string) func(History) bool {
	return func(h History) bool {
		return reigning(h, func(e Entry, leaders map[string]map[string]bool) bool {
			return e.Line == "killed" && leaders[group][e.Machine]
		})
	}
}

func twoLeaders(h History) bool {
	return reigning(h, func(_ Entry, leaders map[string]map[string]bool) bool {
		for _, of := range leaders {
			if len(of) > 1 {
				return true
			}
		}
		return false
	})
}

// again says whether lines of a kind name the same call twice.
func again(h History, kind string) bool {
	seen := map[string]bool{}
	for _, e := range h {
		if rest, ok := strings.CutPrefix(e.Line, kind); ok {
			id, _, _ := strings.Cut(rest, " ")
			if seen[id] {
				return true
			}
			seen[id] = true
		}
	}
	return false
}

func beganAndDied(h History) bool {
	running := map[string]int{}
	for _, e := range h {
		switch {
		case strings.HasPrefix(e.Line, "began "):
			running[e.Machine]++
		case strings.HasPrefix(e.Line, "done "):
			running[e.Machine]--
		case e.Line == "killed" && running[e.Machine] > 0:
			return true
		case e.Line == "killed":
			running[e.Machine] = 0
		}
	}
	return false
}
