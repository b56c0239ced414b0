package main

import (
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// family is calls written as "ID PARENT SOCKET".
func family(lines ...string) (calls []*messages.CallInfo) {
	for _, line := range lines {
		f := strings.Fields(line)
		calls = append(calls, &messages.CallInfo{Id: f[0], Parent: strings.Trim(f[1], "-"), Socket: f[2]})
	}
	return calls
}

func TestTreeIsDrawnLikeTheReference(t *testing.T) {
	calls := family("1 - pyfi.processors.sample.do_something", "2 1 pyfi.processors.sample.do_this")
	lines, _ := grow(calls, calls[0], false)[0].draw()
	want := `pyfi.processors.sample.do_something
      └──────────────────┐
          pyfi.processors.sample.do_this`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("drawn is\n%s\nwant\n%s", got, want)
	}
}

func TestTreeDrawsBranchesSideBySide(t *testing.T) {
	calls := family("1 - root", "2 1 left", "3 1 right", "4 2 leaf", "5 9 other")
	lines, _ := grow(calls, calls[0], false)[0].draw()
	want := `root
      └─────┬─────────────────┐
          left              right
                └─────┐
                    leaf`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("drawn is\n%s\nwant\n%s", got, want)
	}
	if roots := grow(calls, calls[3], true); len(roots) != 2 || roots[1].call.Id != "5" {
		t.Errorf("the run has roots %v", roots)
	}
}
