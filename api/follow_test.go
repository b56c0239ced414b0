package api_test

import (
	"strings"
	"testing"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

// follow begins to follow a call, and gives what reads the next piece.
func (s *served) follow(m *messages.FollowRequest) func() *messages.LogPiece {
	s.t.Helper()
	stream, err := s.tasks.Follow(s.within(), connect.NewRequest(m))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { stream.Close() })
	next := func() *messages.LogPiece {
		s.t.Helper()
		if !stream.Receive() {
			s.t.Fatalf("nothing more came: %v", stream.Err())
		}
		return stream.Msg()
	}
	if p := next(); p.Text != "" || p.Call != nil || p.Place == nil {
		s.t.Fatalf("first came %v", p)
	}
	return next
}

// speech is what a worker says of an attempt that has printed a text.
func speech(text string, over bool) func(*messages.LogPlace) *messages.PrintedAnswer {
	return func(after *messages.LogPlace) *messages.PrintedAnswer {
		a := &messages.PrintedAnswer{Known: true, Over: over, Place: &messages.LogPlace{Attempt: after.Attempt, Own: uint64(len(text))}}
		if !over && after.Own < uint64(len(text)) {
			a.Text = []byte(text[after.Own:])
		}
		return a
	}
}

func TestFollowerSeesWhatTheRunningAttemptPrints(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	sent, err := s.tasks.Submit(s.within(), connect.NewRequest(&messages.RunRequest{Socket: "sample.hold"}))
	if err != nil {
		t.Fatal(err)
	}
	say := func(f func(*messages.LogPlace) *messages.PrintedAnswer) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.printed = f
	}
	say(speech("one\n", false))
	next := s.follow(&messages.FollowRequest{Id: sent.Msg.Id})
	if p := next(); p.Text != "one\n" || p.Attempt != 1 || p.Place.GetOwn() != 4 {
		t.Fatalf("first came %v", p)
	}
	// One who comes again behind that does not see it twice.
	again := s.follow(&messages.FollowRequest{Id: sent.Msg.Id, After: &messages.LogPlace{Attempt: 1, Own: 4}})
	say(func(after *messages.LogPlace) *messages.PrintedAnswer {
		a := speech("one\ntwo\n", false)(after)
		if len(a.Text) > 0 {
			a.Dropped = 3
		}
		return a
	})
	for _, next := range []func() *messages.LogPiece{next, again} {
		if p := next(); p.Text != "two\n" || p.Dropped != 3 {
			t.Errorf("then came %v", p)
		}
	}
	say(speech("one\ntwo\n", true))
	s.letGo()
	if p := next(); p.Call.GetId() != sent.Msg.Id || p.Call.State != "finished" || p.Text != "" {
		t.Errorf("last came %v", p)
	}
}

func TestFollowerSeesTheLogsOfAttemptsThatAreOver(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	s.prints = "hello\nchild\n"
	call, err := s.run(&messages.RunRequest{Socket: "sample.do_something", Data: data(`"hello"`)})
	if err != nil {
		t.Fatal(err)
	}
	logs, err := s.tasks.Logs(s.within(), connect.NewRequest(&messages.LogsRequest{Id: call.Id}))
	if err != nil || len(logs.Msg.Logs) != 1 || logs.Msg.Logs[0].Text != "hello\nchild\n" || logs.Msg.Call.Id != call.Id {
		t.Fatalf("logs: %v, %v", logs, err)
	}
	if none, err := s.tasks.Logs(s.within(), connect.NewRequest(&messages.LogsRequest{Id: call.Id, Attempt: 2})); err != nil || len(none.Msg.Logs) != 0 {
		t.Errorf("logs of an attempt that never was: %v, %v", none, err)
	}
	// What was seen is not sent again; the node knows where the function's own part ends.
	for _, c := range []struct {
		after *messages.LogPlace
		own   int // what the node says; 0: it knows nothing
		want  string
	}{
		{nil, 0, "hello\nchild\n"},
		{&messages.LogPlace{Attempt: 1, Own: 2}, 0, "llo\nchild\n"},
		{&messages.LogPlace{Attempt: 1, Own: 2, Others: 3}, 6, "llo\nld\n"},
		{&messages.LogPlace{Attempt: 1, Own: 6, Others: 3}, 0, "ld\n"},
		{&messages.LogPlace{Attempt: 1, Own: 99, Others: 99}, 6, ""},
		{&messages.LogPlace{Attempt: 2}, 0, ""},
	} {
		s.mu.Lock()
		if s.printed = nil; c.own > 0 {
			s.printed = speech(strings.Repeat(".", c.own), true)
		}
		s.mu.Unlock()
		next, text := s.follow(&messages.FollowRequest{Id: call.Id, After: c.after}), ""
		p := next()
		for ; p.Call == nil; p = next() {
			text += p.Text
		}
		if text != c.want {
			t.Errorf("behind %v came %q, want %q", c.after, text, c.want)
		}
	}
	stream, err := s.tasks.Follow(s.within(), connect.NewRequest(&messages.FollowRequest{Id: "4aadb065-57d7-8001-9b66-2e181ac0ffff"}))
	if err == nil {
		stream.Receive()
		err = stream.Err()
		stream.Close()
	}
	if !isKind(err, messages.NotFound) {
		t.Errorf("of a call that is not there: %v", err)
	}
}
