package main

import (
	"testing"

	"github.com/elasticcode/flow/messages"
)

func TestAttemptsInALine(t *testing.T) {
	for want, call := range map[string]*messages.CallInfo{
		"": {State: "finished", Attempts: 1},
		"3 in all: 2 failed or took too long, 1 finished": {State: "finished", Attempts: 3, Tries: 2},
		"3 in all: 3 crashed":                             {State: "failed", Attempts: 3, Crashes: 3},
		"4 in all: 1 crashed, 1 lost with its node, 1 running, 1 taken back before it ended": {State: "running", Attempts: 4, Crashes: 1, Lost: 1},
		"2 in all: 2 taken back before it ended":                                             {State: "queued", Attempts: 2},
		"1 failed or took too long":                                                          {State: "failed", Attempts: 1, Tries: 1},
	} {
		if got := attemptsText(call); got != want {
			t.Errorf("%v: %q, want %q", call, got, want)
		}
	}
}
