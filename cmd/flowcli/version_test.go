package main

import "testing"

func TestVersionIsAFlagToo(t *testing.T) {
	s := newShell(t, &fake{})
	want := s.run("version")
	if got := s.run("--version"); got != want || got.code != 0 || got.out == "" {
		t.Errorf("--version: %+v, version: %+v", got, want)
	}
}
