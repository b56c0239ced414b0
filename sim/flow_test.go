package sim

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestFlowsThatAreKeptCanBeRead(t *testing.T) {
	if _, err := ParseFlow(usualFlow); err != nil {
		t.Error(err)
	}
	if _, err := ReadFlow(filepath.Join("..", "examples", "flows", "orders.yaml")); err != nil {
		t.Error(err)
	}
}

// TestBadFlowsAreRefused breaks the usual flow in one place.
func TestBadFlowsAreRefused(t *testing.T) {
	for from, to := range map[string]string{
		"takes: [message]}":           "takes: [message], colour: red}",
		"fails: 0.3":                  "fails: 3",
		"time: 300ms":                 "time: soon",
		"concurrency: 3":              "concurrency: 0",
		"function: split":             "function: cut",
		"to: flow.complain":           "to: nowhere",
		"argument: two, type: RESULT": "argument: two, type: MAYBE",
		"share: 5":                    "share: 0",
		"batch: 5":                    "batch: 1000000",
		"batch: 5}":                   "batch: 5, cancel: true}",
	} {
		text := strings.Replace(string(usualFlow), from, to, 1)
		if text == string(usualFlow) {
			t.Errorf("the usual flow has no %q", from)
		}
		if _, err := ParseFlow([]byte(text)); err == nil {
			t.Errorf("a flow with %q is accepted", to)
		}
	}
	if _, err := ParseFlow([]byte("functions: []")); err == nil {
		t.Error("a flow without calls is accepted")
	}
}
