package worker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

const talkers = `
import os, subprocess, time

def wait_for(path):
    while not os.path.exists(path): time.sleep(0.001)
def talk(dir):
    print("one"); wait_for(dir + "/go")
    subprocess.run(["echo", "two"], check=True)
    print("three\xe9"); wait_for(dir + "/end")
    print("four")
def flood(dir):
    for i in range(20000): print("%09d" % i)
    wait_for(dir + "/end")
def say(text): print(text)
def die(text):
    print(text); os.abort()
`

// follow asks until an attempt has printed a text, and gives what came meanwhile.
func (s *subject) follow(call messages.CallID, at *messages.LogPlace, until string) (text string, dropped uint64) {
	s.t.Helper()
	for begin := time.Now(); !strings.Contains(text, until); {
		a := s.Printed(&messages.PrintedQuery{Call: call.Bytes(), After: at})
		text, dropped = text+string(a.Text), dropped+a.Dropped
		if a.Known {
			at.Own, at.Others = a.Place.Own, a.Place.Others
		}
		if time.Since(begin) > limit {
			s.t.Fatalf("followed as far as %q, want %q", text, until)
		}
	}
	return text, dropped
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWhatARunningCallPrintsIsSeenWhileItRuns(t *testing.T) {
	s, dir := start(t, talkers), t.TempDir()
	expect[Ready](s)
	call := s.send("talk", `"`+dir+`"`)
	expect[Begun](s)
	at := &messages.LogPlace{Attempt: 1}
	if text, _ := s.follow(call, at, "one\n"); text != "one\n" {
		t.Errorf("first came %q", text)
	}
	touch(t, filepath.Join(dir, "go"))
	text, _ := s.follow(call, at, "three\xc3\xa9\n")
	if !strings.Contains(text, "two\n") || len(text) != len("two\nthree\xc3\xa9\n") {
		t.Errorf("then came %q", text)
	}
	touch(t, filepath.Join(dir, "end"))
	log := string(expect[*Done](s).Log)
	if log != "one\nthree\xc3\xa9\nfour\ntwo\n" {
		t.Errorf("its log is %q", log)
	}
	a := s.Printed(&messages.PrintedQuery{Call: call.Bytes(), After: at})
	if !a.Known || !a.Over || a.Place.Own != uint64(len(log)-len("two\n")) || a.Place.Others != uint64(len("two\n")) {
		t.Errorf("after its end it is said: %v", a)
	}
	if a := s.Printed(&messages.PrintedQuery{Call: call.Bytes(), After: &messages.LogPlace{Attempt: 2}}); a.Known {
		t.Errorf("of another attempt it is said: %v", a)
	}
	// The next call's is not taken for it, nor it for the next one's.
	next := s.send("say", `"next"`)
	expect[Begun](s)
	if d := expect[*Done](s); string(d.Log) != "next\n" || d.Call != next {
		t.Errorf("next was %q", d.Log)
	}
}

func TestSlowFollowerIsToldWhatItMissed(t *testing.T) {
	s, dir := start(t, talkers), t.TempDir()
	expect[Ready](s)
	call := s.send("flood", `"`+dir+`"`)
	expect[Begun](s)
	const all = 20000 * 10
	at := &messages.LogPlace{Attempt: 1}
	text, dropped := s.follow(call, at, "000019999\n")
	if uint64(len(text))+dropped != all || at.Own != all || len(text) < maxLive {
		t.Errorf("%d bytes came and %d are missing of %d", len(text), dropped, all)
	}
	a := s.Printed(&messages.PrintedQuery{Call: call.Bytes(), After: &messages.LogPlace{Attempt: 1}})
	if len(a.Text) != maxLive || a.Dropped != all-maxLive || !strings.HasSuffix(string(a.Text), "000019998\n000019999\n") {
		t.Errorf("%d bytes came and %d are missing for one that begins late", len(a.Text), a.Dropped)
	}
	touch(t, filepath.Join(dir, "end"))
	expect[*Done](s)
}

func TestLastWordsOfAKilledCallAreItsLog(t *testing.T) {
	s := start(t, talkers)
	expect[Ready](s)
	s.send("die", `"last words"`)
	expect[Begun](s)
	if e := expect[Exited](s); !strings.HasPrefix(string(e.Log), "last words\n") {
		t.Errorf("what it had printed: %q", e.Log)
	}
}
