package main

import (
	"slices"
	"strings"
	"testing"
)

func TestTablesFitTheTerminal(t *testing.T) {
	f := socketIn()
	f.calls = append(f.calls, fakeCall(doThis, 1))
	s := newShell(t, f)
	widest := func(r ran) (n int) {
		for line := range strings.Lines(r.out) {
			n = max(n, len([]rune(strings.TrimRight(line, "\n"))))
		}
		return n
	}
	whole := s.run("ls", "calls")
	s.columns = 100
	if r := s.run("ls", "calls"); widest(r) > 100 || !strings.Contains(r.out, "State") || !strings.Contains(r.err, "-o wide") {
		t.Errorf("on 100 columns:\n%s%s", r.out, r.err)
	}
	if r := s.run("ls", "call", f.calls[0].Id); widest(r) > 100 || strings.Count(r.err, "-o wide") != 1 {
		t.Errorf("several tables on 100 columns:\n%s%s", r.out, r.err)
	}
	if r := s.run("-o", "wide", "ls", "calls"); r.out != whole.out || r.err != "" {
		t.Errorf("wide:\n%s%s", r.out, r.err)
	}
	if r := s.run("-o", "json", "ls", "calls"); !strings.Contains(r.out, f.calls[0].Id) || r.err != "" {
		t.Errorf("json:\n%s%s", r.out, r.err)
	}
	s.columns = 1000
	if r := s.run("ls", "calls"); !slices.Equal([]string{r.out, r.err}, []string{whole.out, ""}) {
		t.Errorf("on 1000 columns:\n%s%s", r.out, r.err)
	}
}
