package api_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/flow"
	"github.com/elasticcode/flow/messages"
)

func (w *world) Stow(ctx context.Context, to messages.GroupID, most int, client bool, values []*[]byte) error {
	for _, place := range messages.Apart(values, most) {
		r := messages.ReferenceTo(*place)
		for i := range r.Chunks() {
			from, end := r.Chunk(i)
			reply, _, err := w.Propose(ctx, to, &messages.PutChunk{Hash: r.Hash[:], Size: r.Size, Index: i, Data: (*place)[from:end], Client: client})
			if err == nil {
				err = reply.GetError().Err()
			}
			if err != nil {
				return err
			}
		}
		*place = r.Value()
	}
	return nil
}

func (w *world) Fetch(_ context.Context, from messages.GroupID, r messages.Reference) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := bytes.Join(flow.Chunks(w.groups[from].state, r.Hash[:], 0, r.Chunks()), nil)
	if messages.ReferenceTo(text) != r {
		return nil, fmt.Errorf("value %x is not at group %d", r.Hash, from)
	}
	return text, nil
}

func largeJSON(size int) string { return `"` + strings.Repeat("x", size-2) + `"` }

func TestLargeDataAndResultArriveWhole(t *testing.T) {
	s := serve(t)
	s.quickstart(2)
	const size = 1<<20 + 7
	text := largeJSON(size)
	ran, err := s.tasks.Run(s.within(), connect.NewRequest(&messages.RunRequest{Socket: "sample.do_something", Data: &text, Id: "a"}))
	if err != nil || ran.Msg.GetResult() != text {
		t.Fatalf("ran with %d bytes of result, %v", len(ran.Msg.GetResult()), err)
	}
	again, err := s.tasks.Result(s.within(), connect.NewRequest(&messages.ResultRequest{Id: ran.Msg.Id}))
	if err != nil || again.Msg.GetResult() != text {
		t.Errorf("result of %d bytes, %v", len(again.Msg.GetResult()), err)
	}
	got, err := s.tasks.GetCall(s.within(), connect.NewRequest(&messages.GetCallRequest{Id: ran.Msg.Id, Arguments: true}))
	if err != nil || string(got.Msg.Arguments.GetPositional()[0]) != text {
		t.Errorf("call %v", err)
	}
	list, err := s.tasks.ListCalls(s.within(), connect.NewRequest(&messages.ListCallsRequest{Results: true}))
	if err != nil || list.Msg.Calls[0].Result != nil || list.Msg.Calls[0].ResultSize != size {
		t.Errorf("list says %d bytes, %v", list.Msg.GetCalls()[0].GetResultSize(), err)
	}
	sent, err := s.tasks.Submit(s.within(), connect.NewRequest(&messages.RunRequest{Socket: "sample.do_something", Data: &text, Id: "a"}))
	if err != nil || !sent.Msg.Duplicate {
		t.Errorf("the same key again: %v %v", sent, err)
	}
}

func TestLargeDataGoesThroughStreamAndBatch(t *testing.T) {
	s := serve(t)
	s.quickstart(2)
	texts := []string{largeJSON(2 << 20), "1", largeJSON(3 << 20)}
	batch, err := s.tasks.SubmitBatch(s.within(), connect.NewRequest(&messages.SubmitBatchRequest{Socket: "sample.do_something", Data: texts, Id: "batch"}))
	if err != nil {
		t.Fatal(err)
	}
	first, _ := messages.ParseCallID(batch.Msg.First)
	for i, text := range texts {
		r, err := s.tasks.Result(s.within(), connect.NewRequest(&messages.ResultRequest{Id: first.At(i).String()}))
		if err != nil || r.Msg.GetResult() != text {
			t.Errorf("call %d gave %d bytes, %v", i, len(r.Msg.GetResult()), err)
		}
	}
	stream := s.tasks.Stream(s.within())
	for i := range texts {
		if err := stream.Send(&messages.StreamRequest{Tag: uint64(i), Run: &messages.RunRequest{Socket: "sample.do_something", Data: &texts[i]}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.CloseRequest(); err != nil {
		t.Fatal(err)
	}
	for left := len(texts); left > 0; {
		frame, err := stream.Receive()
		if err != nil {
			t.Fatalf("%d answers did not come: %v", left, err)
		}
		for _, a := range append(frame.More, frame) { // those that are due together go together
			if left--; a.GetCall().GetResult() != texts[a.GetTag()] {
				t.Errorf("stream gave %d bytes, %v", len(a.GetCall().GetResult()), a.GetError())
			}
		}
	}
}

func TestLargeDataIsPublished(t *testing.T) {
	s := serve(t)
	s.quickstart(2)
	s.create(&messages.Object{Name: "everybody", Kind: messages.Kind_KIND_QUEUE, Spec: &messages.Object_Queue{Queue: &messages.Queue{Qtype: "fanout"}}})
	for _, name := range []string{"one", "two"} {
		s.create(&messages.Object{Name: name, Kind: messages.Kind_KIND_SOCKET, Spec: &messages.Object_Socket{Socket: &messages.Socket{
			Processor: "proc1", Queue: "everybody", Task: "do_something"}}})
	}
	text := largeJSON(1<<20 + 7)
	for _, duplicate := range []bool{false, true} {
		published, err := s.tasks.Publish(s.within(), connect.NewRequest(&messages.PublishRequest{Queue: "everybody", Data: &text, Id: "a"}))
		if err != nil || len(published.Msg.Calls) != 2 || published.Msg.Duplicate != duplicate {
			t.Fatalf("published %v, %v", published, err)
		}
		for _, call := range published.Msg.Calls {
			r, err := s.tasks.Result(s.within(), connect.NewRequest(&messages.ResultRequest{Id: call.Id}))
			if err != nil || r.Msg.GetResult() != text {
				t.Errorf("socket %s gave %d bytes, %v", call.Socket, len(r.Msg.GetResult()), err)
			}
		}
	}
	over := largeJSON(messages.MaxValue + 1)
	_, err := s.tasks.Publish(s.within(), connect.NewRequest(&messages.PublishRequest{Queue: "everybody", Data: &over}))
	if !isKind(err, messages.Invalid) || !strings.Contains(err.Error(), "data over the limit") {
		t.Errorf("64 MiB and a byte: %v", err)
	}
}

func TestDataOverTheLimitIsRefused(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	before := len(s.proposed)
	text := largeJSON(messages.MaxValue + 1)
	_, err := s.tasks.Run(s.within(), connect.NewRequest(&messages.RunRequest{Socket: "sample.do_something", Data: &text}))
	if !isKind(err, messages.Invalid) || !strings.Contains(err.Error(), "data over the limit: the arguments have 67108865 bytes, and a call may have 67108864 (64 MiB)") {
		t.Errorf("refused with %v", err)
	}
	if len(s.proposed) != before {
		t.Errorf("%d commands were proposed", len(s.proposed)-before)
	}
}
