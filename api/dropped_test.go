package api_test

import (
	"fmt"
	"testing"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

// TestWhatWasDroppedIsToldAtOnce: neither who sends a key again nor who waits for
// its call hangs when the call has ended and its record is gone.
func TestWhatWasDroppedIsToldAtOnce(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	s.create(&messages.Object{Name: "brief", Kind: messages.Kind_KIND_QUEUE, Spec: &messages.Object_Queue{Queue: &messages.Queue{Qtype: "fanout", KeepCalls: 1}}})
	s.create(&messages.Object{Name: "heard", Kind: messages.Kind_KIND_SOCKET, Spec: &messages.Object_Socket{Socket: &messages.Socket{
		Processor: "proc1", Queue: "brief", Task: "do_something", KeepCalls: 1}}})
	run := &messages.RunRequest{Socket: "heard", Data: data(`"x"`), Id: "old"}
	old, err := s.run(run)
	if err != nil {
		t.Fatal(err)
	}
	batch := &messages.SubmitBatchRequest{Socket: "heard", Data: []string{`"a"`, `"b"`}, Id: "old batch"}
	sent, err := s.tasks.SubmitBatch(s.within(), connect.NewRequest(batch))
	if err != nil {
		t.Fatal(err)
	}
	publish := &messages.PublishRequest{Queue: "brief", Data: data(`"x"`), Id: "old publish"}
	if _, err := s.tasks.Publish(s.within(), connect.NewRequest(publish)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.tasks.Publish(s.within(), connect.NewRequest(&messages.PublishRequest{Queue: "brief", Data: data(`"y"`)})); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := s.run(&messages.RunRequest{Socket: "heard", Data: data(fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
	}
	for group := range s.groups {
		if group != messages.Meta {
			s.must(group, &messages.Tick{})
		}
	}

	gone := func(what string, err error) {
		t.Helper()
		if !isKind(err, messages.Gone) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = s.run(run)
	gone("run again", err)
	again, err := s.tasks.Submit(s.within(), connect.NewRequest(run))
	if err != nil || !again.Msg.Duplicate || !again.Msg.Dropped || again.Msg.State != "finished" {
		t.Errorf("submitted again: %v, %v", again, err)
	}
	_, err = s.tasks.Result(s.within(), connect.NewRequest(&messages.ResultRequest{Id: old.Id}))
	gone("result", err)
	_, err = s.tasks.GetCall(s.within(), connect.NewRequest(&messages.GetCallRequest{Id: old.Id}))
	gone("get", err)
	_, err = s.tasks.Explain(s.within(), connect.NewRequest(&messages.ExplainRequest{Id: old.Id}))
	gone("explain", err)
	_, err = s.tasks.CancelCall(s.within(), connect.NewRequest(&messages.CancelCallRequest{Id: old.Id}))
	gone("cancel", err)
	batched, err := s.tasks.SubmitBatch(s.within(), connect.NewRequest(batch))
	if err != nil || !batched.Msg.Duplicate || !batched.Msg.Dropped {
		t.Errorf("the batch submitted again: %v, %v", batched, err)
	}
	_, err = s.tasks.Results(s.within(), connect.NewRequest(&messages.ResultsRequest{First: sent.Msg.First, Count: 2}))
	gone("results of the batch", err)
	_, err = s.tasks.Publish(s.within(), connect.NewRequest(publish))
	gone("published again", err)
}
