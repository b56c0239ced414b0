package sim

import (
	"strings"
	"testing"
)

// told makes a history of lines, each "machine: line", a second apart.
func told(lines ...string) History {
	var h History
	for i, text := range lines {
		machine, line, _ := strings.Cut(text, ": ")
		h = append(h, Entry{At: int64(i+1) * 1e9, Machine: machine, Boot: 1, Line: line})
	}
	return h
}

// kept is a run that kept its promises.
var kept = []string{
	"n1: leading 0 2",
	"clients: prepared",
	"clients: invoke c0-0 TEXT:c0-0",
	"n1: applied 1 5 aa",
	"n2: applied 1 5 aa",
	"n1: state 1 5 cc",
	"clients: accepted c0-0 X0",
	`clients: read X0 finished "TEXT:c0-0"`,
	"n2: state 1 5 cc",
	"n2: leading 0 3",
	`clients: read X0 finished "TEXT:c0-0"`,
	"clients: rested",
}

func TestAHistoryThatKeptItsPromisesIsClean(t *testing.T) {
	if v := Check(told(kept...)); len(v) > 0 {
		t.Fatalf("found %v", v)
	}
}

// TestCheckersFindPlantedViolations adds to, or takes from, the clean history.
func TestCheckersFindPlantedViolations(t *testing.T) {
	for _, c := range []struct {
		name    string
		promise string
		history []string
	}{
		{"an accepted call is not found", promiseAccepted, append(kept[:10:10], "clients: unread X0 NOT_FOUND", "clients: rested")},
		{"a key has two calls", promiseOnce, append(kept[:11:11], "clients: accepted c0-0 X1", `clients: read X1 finished "TEXT:c0-0"`, "clients: rested")},
		{"a call has two keys", promiseOnce, append(kept[:11:11], "clients: accepted c0-1 X0", "clients: rested")},
		{"a call ends again, otherwise", promiseTerminal, append(kept[:10:10], "clients: read X0 failed ", "clients: rested")},
		{"a call has another's result", promiseTerminal, append(kept[:7:7], `clients: read X0 finished "TEXT:c0-9"`, "clients: rested")},
		{"a terminal call is running again", promiseTerminal, append(kept[:10:10], "clients: read X0 running ", "clients: rested")},
		{"a replica answers otherwise", promiseReplicas, append(kept[:11:11], "n3: applied 1 5 ab", "clients: rested")},
		{"a replica's state differs", promiseReplicas, append(kept[:11:11], "n3: state 1 5 cd", "clients: rested")},
		{"a term has two leaders", promiseLeader, append(kept[:11:11], "n3: leading 0 2", "clients: rested")},
		{"an accepted call never ends", promiseLive, append(kept[:7:7], "clients: read X0 running ", "clients: rested")},
		{"the clients wait for ever", promiseLive, kept[:11]},
		{"nothing is told at all", promiseLive, nil},
		{"a node gives up", promiseRuns, append(kept[:11:11], "n3: failed open replica: stored data is damaged", "clients: rested")},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := Check(told(c.history...))
			if len(found) != 1 || found[0].Promise != c.promise {
				t.Fatalf("found %v, want one of %q", found, c.promise)
			}
		})
	}
}
