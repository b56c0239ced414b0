package main

import (
	"fmt"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// attemptsText says in a line how often a call was attempted, and what came of
// that; nothing, when there was one attempt and nothing to tell of it.
func attemptsText(call *messages.CallInfo) string {
	if call.Attempts <= 1 && call.Tries+call.Crashes+call.Lost == 0 {
		return ""
	}
	var parts []string
	count := func(n uint32, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	count(call.Tries, "failed or took too long")
	count(call.Crashes, "crashed")
	count(call.Lost, "lost with its node")
	rest := call.Attempts - min(call.Attempts, call.Tries+call.Crashes+call.Lost)
	if state := stateOf(call); rest > 0 && (state == "finished" || state == "running") {
		count(1, state)
		rest--
	}
	count(rest, "taken back before it ended")
	if call.Attempts == 1 {
		return strings.Join(parts, ", ")
	}
	return fmt.Sprintf("%d in all: %s", call.Attempts, strings.Join(parts, ", "))
}
