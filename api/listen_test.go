package api_test

import (
	"fmt"
	"testing"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

func (s *served) listen(m *messages.ListenRequest) *connect.ServerStreamForClient[messages.Notice] {
	s.t.Helper()
	stream, err := s.tasks.Listen(s.within(), connect.NewRequest(m))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { stream.Close() })
	if !stream.Receive() || stream.Msg().State != "listening" {
		s.t.Fatalf("first came %v, %v", stream.Msg(), stream.Err())
	}
	return stream
}

func TestListenerHearsThePastAndThenWhatHappens(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	call, err := s.run(&messages.RunRequest{Socket: "sample.do_something", Data: data(`["x"]`)})
	if err != nil {
		t.Fatal(err)
	}
	stream := s.listen(&messages.ListenRequest{Name: "q.proc1", Channels: []string{"task"}, Since: call.Received})
	for _, state := range []string{"received", "running", "postrun"} {
		if !stream.Receive() {
			t.Fatal(stream.Err())
		}
		if n := stream.Msg(); n.State != state || n.Call != call.Id || n.Room != "q.proc1" || n.Socket != "sample.do_something" || n.Task != "do_something" || n.Module == "" {
			t.Errorf("heard %v, want %s", n, state)
		}
	}
	s.polls <- &messages.PollResponse{Epoch: 1, Dropped: 3, Notices: []*messages.Notice{
		{Channel: "task", State: "postrun", Call: call.Id, Attempt: 1}, // heard before: a new leader tells it again
		{Channel: "task", State: "received", Call: "another"},
	}}
	if !stream.Receive() || stream.Msg().Call != "another" || stream.Msg().Dropped != 3 {
		t.Errorf("then came %v, %v", stream.Msg(), stream.Err())
	}
}

// TestWhatIsSentToAListenerIsHeardThoughAPartitionIsSilent: the partition is waited
// for before the client is told that it is listened, and what happens there
// meanwhile is told when it answers.
func TestWhatIsSentToAListenerIsHeardThoughAPartitionIsSilent(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	before, err := s.run(&messages.RunRequest{Socket: "sample.do_something", Data: data(`["x"]`)})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := messages.ParseCallID(before.Id)
	s.deaf = &deaf{group: id.Partition(), asked: make(chan struct{}), gaveUp: make(chan struct{})}
	meanwhile := make(chan string, 1)
	go func() {
		<-s.deaf.asked
		call, err := s.run(&messages.RunRequest{Socket: "sample.do_something", Data: data(`["y"]`)})
		if err != nil {
			t.Error(err)
		}
		meanwhile <- call.GetId()
	}()
	stream := s.listen(&messages.ListenRequest{Channels: []string{"task"}})
	if !isDone(s.deaf.gaveUp) {
		t.Error("the client was told that it is listened while a partition had not answered")
	}
	for want := <-meanwhile; stream.Msg().Call != want; { // the world's clock runs ahead: the call before may be told too
		if !stream.Receive() {
			t.Fatalf("call %s is not heard: %v", want, stream.Err())
		}
	}
}

// TestListenerHearsHowProcessorsHaveChanged: the past since a time, then each
// change as it comes, those of others not.
func TestListenerHearsHowProcessorsHaveChanged(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	control := func(action string) {
		t.Helper()
		if _, err := s.objects.Control(s.within(), connect.NewRequest(&messages.ControlRequest{Processor: "proc1", Action: action})); err != nil {
			t.Fatal(err)
		}
	}
	hears := func(stream *connect.ServerStreamForClient[messages.Notice], states ...string) {
		t.Helper()
		for _, state := range states {
			if !stream.Receive() {
				t.Fatal(stream.Err())
			}
			if n := stream.Msg(); n.State != state || n.Channel != "lifecycle" || n.Room != "proc1" || n.Date == 0 {
				t.Errorf("heard %v, want %s", n, state)
			}
		}
	}
	found, err := s.objects.Get(s.within(), connect.NewRequest(&messages.GetRequest{Kind: messages.Kind_KIND_PROCESSOR, Name: "proc1"}))
	if err != nil {
		t.Fatal(err)
	}
	control("pause")
	past := s.listen(&messages.ListenRequest{Name: "proc1", Channels: []string{"lifecycle"}, Since: found.Msg.Object.Created})
	hears(past, "starting")
	if found.Msg.Object.Status != "starting" {
		hears(past, found.Msg.Object.Status)
	}
	hears(past, "paused")
	now := s.listen(&messages.ListenRequest{Name: "*", Channels: []string{"lifecycle"}})
	control("stop")
	hears(past, "stopped")
	hears(now, "stopped")
}

// TestListenerReadsTheModelWhenItHasChanged: not with each question, of which there
// is one for nearly every thing that happens, for each of many listeners.
func TestListenerReadsTheModelWhenItHasChanged(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	stream := s.listen(&messages.ListenRequest{Channels: []string{"task"}})
	const told = 100
	reads := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.reads
	}
	before := reads()
	for i := range told {
		call := fmt.Sprint(i)
		s.polls <- &messages.PollResponse{Epoch: 1, Notices: []*messages.Notice{{Channel: "task", State: "received", Call: call}}}
		for heard := ""; heard != call; heard = stream.Msg().Call {
			if !stream.Receive() {
				t.Fatal(stream.Err())
			}
		}
	}
	if n := reads() - before; n > told/10 {
		t.Errorf("the model was read %d times for %d answers", n, told)
	}
}

func TestSlowListenerMissesAndHoldsUpNobody(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	slow := s.listen(&messages.ListenRequest{})
	const all = 60_000
	for i := range all / 1000 { // far more than is kept for one that does not read
		answer := &messages.PollResponse{Epoch: 1}
		for j := range 1000 {
			answer.Notices = append(answer.Notices, &messages.Notice{Channel: "task", State: "received", Call: fmt.Sprint(i, j), Message: string(make([]byte, 1000))})
		}
		s.polls <- answer
	}
	heard, dropped := 0, int64(0)
	for heard+int(dropped) < all {
		if heard == 1000 { // what was dropped last is told with the next one
			s.polls <- &messages.PollResponse{Epoch: 1, Notices: []*messages.Notice{{Channel: "task", Call: "last"}}}
		}
		if !slow.Receive() {
			t.Fatalf("after %d heard and %d dropped: %v", heard, dropped, slow.Err())
		}
		heard++
		dropped += slow.Msg().Dropped
	}
	if dropped == 0 {
		t.Error("a listener that does not read has missed nothing")
	}
}

func TestListenRefusesWhatItCannotHear(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	for _, m := range []*messages.ListenRequest{{Name: "nobody"}, {Channels: []string{"gossip"}}, {Tracking: "no id"}, {Since: -1}} {
		stream, err := s.tasks.Listen(s.within(), connect.NewRequest(m))
		if err == nil {
			stream.Receive()
			err = stream.Err()
			stream.Close()
		}
		if !isKind(err, messages.Invalid) && !isKind(err, messages.NotFound) {
			t.Errorf("%v: %v", m, err)
		}
	}
}

// TestListenerOfWhatHasNoSockets: a processor and a queue may be listened to before
// they have sockets; nothing of others is heard, and the first socket's calls are.
func TestListenerOfWhatHasNoSockets(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	make := func(o *messages.Object) {
		t.Helper()
		if _, err := s.objects.Create(s.within(), connect.NewRequest(&messages.CreateRequest{Object: o})); err != nil {
			t.Fatal(err)
		}
	}
	make(&messages.Object{Name: "quiet", Kind: messages.Kind_KIND_QUEUE, Spec: &messages.Object_Queue{Queue: &messages.Queue{Qtype: "direct"}}})
	stream := s.listen(&messages.ListenRequest{Name: "quiet", Channels: []string{"task"}, Since: 1})
	if _, err := s.run(&messages.RunRequest{Socket: "sample.do_something", Data: data(`["x"]`)}); err != nil {
		t.Fatal(err)
	}
	make(&messages.Object{Name: "first", Kind: messages.Kind_KIND_SOCKET,
		Spec: &messages.Object_Socket{Socket: &messages.Socket{Processor: "proc1", Queue: "quiet", Task: "do_something"}}})
	s.polls <- &messages.PollResponse{Epoch: 1, Notices: []*messages.Notice{{Channel: "task", State: "received", Call: "heard"}}}
	if !stream.Receive() || stream.Msg().Call != "heard" {
		t.Errorf("heard %v, %v", stream.Msg(), stream.Err())
	}
}
