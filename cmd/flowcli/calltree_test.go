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

func TestFlowListsTheCallsOfARun(t *testing.T) {
	f := socketIn()
	for n := 1; n <= 3; n++ {
		call := fakeCall(doThis, n)
		if n < 3 {
			call.Tracking = fakeCall(doThis, 1).Id
		}
		f.calls = append(f.calls, call)
	}
	s := newShell(t, f)
	r := s.run("ls", "call", f.calls[1].Id, "--flow")
	first, second := strings.Index(r.out, f.calls[0].Id), strings.Index(r.out, f.calls[1].Id)
	if r.code != 0 || first < 0 || second < first || strings.Contains(r.out, f.calls[2].Id) {
		t.Errorf("exit code %d, %s\n%s", r.code, r.err, r.out)
	}
	if r := s.run("-o", "json", "ls", "call", f.calls[1].Id, "-f"); strings.Count(r.out, `"tracking"`) != 2 {
		t.Errorf("as JSON:\n%s", r.out)
	}
}
