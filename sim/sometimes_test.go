package sim

import (
	"slices"
	"testing"
)

// TestSometimesAreSeen gives each, but for those of empty runs, a history that
// has it, and one that lacks it.
func TestSometimesAreSeen(t *testing.T) {
	quiet := []string{"n1: booted", "n2: booted", "clients: booted", "clients: prepared", "n1: leading 0 2", "n1: leading 1 2", "n1: began X 1", "n1: done X 1 OK"}
	for name, more := range map[string][]string{
		"a node died":                                          {"n2: killed"},
		"all nodes were down at the same time":                 {"n1: killed", "n2: killed"},
		"most of the nodes were down at the same time":         {"n1: killed", "n2: killed"},
		"a leader of the meta group died":                      {"n1: killed"},
		"a leader of a partition died":                         {"n1: killed"},
		"a leader lost its leadership and lived":               {"n1: following 1"},
		"two nodes believed that they led the same group":      {"n2: leading 1 3"},
		"a client did not learn whether its call was accepted": {"clients: unknown c0-0 UNAVAILABLE"},
		"a client could not read a call's end":                 {"clients: unread X UNAVAILABLE"},
		"a call ran more than once":                            {"n2: began X 2"},
		"a call was done more than once":                       {"n2: done X 2 OK"},
		"a worker began a call and its node died":              {"n2: began Y 1", "n2: killed"},
		"a node stopped in order":                              {"n1: stopped"},
		"a leader handed over when it was told to":             {"n1: transferred"},
		"a call was cancelled before it ended":                 {"clients: cancel X cancelled"},
		"a call ended before it was cancelled":                 {"clients: cancel X finished"},
		"a call failed for good":                               {"clients: read X failed "},
	} {
		if slices.Contains(Seen(told(quiet...)), name) || !slices.Contains(Seen(told(append(quiet[:len(quiet):len(quiet)], more...)...)), name) {
			t.Errorf("%s: is seen without it, or not with %v", name, more)
		}
	}
	if !slices.Contains(Seen(told(quiet...)), "no event befell the run") {
		t.Error("a run without events is not seen")
	}
	early := told("n1: booted", "n2: booted", "n1: killed", "n1: booted", "clients: prepared")
	if !slices.Contains(Seen(early), "a node died and came back before the network was set up") {
		t.Error("a death before the network was set up is not seen")
	}
	early[2].At = early[0].At + 1
	if !slices.Contains(Seen(early), "a node died within 100 ms of its start") {
		t.Error("an early death is not seen")
	}
}
