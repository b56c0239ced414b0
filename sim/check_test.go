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

func TestWhoEndsMustSayWhy(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		want  int
	}{
		"for no reason":            {[]string{"booted", "exited"}, 1},
		"its disk fails":           {[]string{"booted", "disk fails", "failed write /data/x: I/O error", "exited"}, 0},
		"it does not say so":       {[]string{"booted", "disk fails", "failed nobody knows", "exited"}, 2},
		"the disk works again":     {[]string{"booted", "disk fails", "booted", "failed write /data/x: I/O error", "exited"}, 2},
		"its disk is damaged":      {[]string{"booted", "rotten data/x", "booted", "failed stored data is damaged", "exited"}, 0},
		"it was replaced":          {[]string{"booted", "rotten data/x", "replaced", "booted", "failed stored data is damaged", "exited"}, 2},
		"it was removed":           {[]string{"removed", "booted", "failed this node was removed from it on purpose", "exited"}, 0},
		"it panics when damaged":   {[]string{"booted", "rotten data/x", "booted", "exited"}, 1},
		"removed, but says else":   {[]string{"removed", "booted", "failed out of memory", "exited"}, 2},
		"it says so and goes on":   {[]string{"booted", "disk fails", "failed I/O error", "booted"}, 0},
		"it ends after it is well": {[]string{"booted", "disk fails", "failed I/O error", "exited", "booted", "exited"}, 1},
	} {
		var h History
		for i, line := range c.lines {
			h = append(h, Entry{At: int64(i), Machine: "n1", Line: line})
		}
		if got := checkExits(h); len(got) != c.want {
			t.Errorf("%s: %v, want %d", name, got, c.want)
		}
	}
}

func TestWhoWasRemovedStaysOut(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		want  int
	}{
		"it goes":                {[]string{"leaves", "deleted n1", "removed", "booted", "failed removed from it on purpose", "exited", "later"}, 0},
		"it is never deleted":    {[]string{"leaves", "later"}, 1},
		"nobody is there for it": {[]string{"rested", "leaves", "later"}, 0},
		"it stays":               {[]string{"leaves", "deleted n1", "removed", "booted", "later"}, 1},
		"it leads":               {[]string{"leaves", "deleted n1", "removed", "booted", "leading 1 2", "failed removed from it on purpose", "later"}, 1},
		"it was removed late":    {[]string{"leaves", "deleted n1", "removed", "booted"}, 0},
	} {
		var h History
		for i, line := range c.lines {
			e := Entry{At: int64(i + 1), Machine: "n1", Line: line}
			if line == "later" {
				e.At = 60e9
			}
			h = append(h, e)
		}
		if got := checkMembers(h); len(got) != c.want {
			t.Errorf("%s: %v, want %d", name, got, c.want)
		}
	}
}
