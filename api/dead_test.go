package api_test

import (
	"strings"
	"testing"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

// dying is a network in two of whose partitions n calls each have failed.
func dying(t *testing.T, n int) *served {
	s := serve(t)
	s.quickstart(1)
	s.create(&messages.Object{Name: "far", Kind: messages.Kind_KIND_PROCESSOR, Spec: &messages.Object_Processor{Processor: &messages.Processor{
		Gitrepo: "file:///repo", Module: "pyfi.processors.sample", Concurrency: 1}}})
	s.create(&messages.Object{Name: "far.fails", Kind: messages.Kind_KIND_SOCKET, Spec: &messages.Object_Socket{Socket: &messages.Socket{Processor: "far", Queue: "q", Task: "fails"}}})
	s.grant("far", 1)
	for range n {
		for _, socket := range []string{"sample.fails", "far.fails"} {
			if call, err := s.run(&messages.RunRequest{Socket: socket}); err != nil || call.State != "failed" {
				t.Fatalf("%v, %v", call, err)
			}
		}
	}
	return s
}

func (s *served) dead(m *messages.ListDeadRequest) *messages.ListDeadResponse {
	s.t.Helper()
	response, err := s.tasks.ListDead(s.within(), connect.NewRequest(m))
	if err != nil {
		s.t.Fatal(err)
	}
	return response.Msg
}

// allDead gives all letters, page by page.
func (s *served) allDead(m *messages.ListDeadRequest, each func([]*messages.DeadInfo)) (all []*messages.DeadInfo) {
	s.t.Helper()
	for range 100 {
		page := s.dead(m)
		all = append(all, page.Letters...)
		if each != nil && len(page.Letters) > 0 {
			each(page.Letters)
		}
		if m.PageToken = page.NextPageToken; m.PageToken == "" {
			return all
		}
	}
	s.t.Fatal("a hundred pages, and the list has not ended")
	return nil
}

func TestDeadLettersOfAllPartitionsAreOneList(t *testing.T) {
	s := dying(t, 4)
	for rows := range int32(5) {
		all := s.allDead(&messages.ListDeadRequest{Rows: rows}, nil)
		if len(all) != 8 {
			t.Fatalf("%d rows a page: %d letters", rows, len(all))
		}
		for i, l := range all {
			if i > 0 && l.Died > all[i-1].Died || l.Call.GetError().GetType() != "ValueError" || l.Edited || l.Message {
				t.Errorf("letter %d is %v", i, l)
			}
		}
	}
	if far := s.allDead(&messages.ListDeadRequest{Socket: "far.fails", Rows: 3}, nil); len(far) != 4 || far[0].Call.Socket != "far.fails" {
		t.Errorf("of one socket: %v", far)
	}
	all := s.allDead(&messages.ListDeadRequest{}, nil)
	if since := s.allDead(&messages.ListDeadRequest{Since: all[2].Died}, nil); len(since) != 3 {
		t.Errorf("since the third: %d", len(since))
	}
	if other := s.allDead(&messages.ListDeadRequest{Type: "KeyError"}, nil); len(other) != 0 {
		t.Errorf("of another type: %v", other)
	}
}

func TestRedrivingAllComesToAnEnd(t *testing.T) {
	s := dying(t, 5)
	calls, sent := map[string]bool{}, 0
	s.allDead(&messages.ListDeadRequest{Rows: 2}, func(letters []*messages.DeadInfo) {
		m := &messages.RedriveDeadRequest{}
		for _, l := range letters {
			m.Ids = append(m.Ids, l.Call.Id)
		}
		for range 2 { // an answer was lost
			response, err := s.tasks.RedriveDead(s.within(), connect.NewRequest(m))
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range response.Msg.Redriven {
				if r.Id != m.Ids[i] || r.Error != nil {
					t.Errorf("%s gave %v", m.Ids[i], r)
				}
				calls[r.Call] = true
			}
		}
		sent += len(letters)
		s.workers.Wait() // they fail again, and are letters again
	})
	if sent != 10 || len(calls) != 10 {
		t.Errorf("%d letters became %d calls", sent, len(calls))
	}
	left := s.allDead(&messages.ListDeadRequest{}, nil)
	for _, l := range left {
		if !calls[l.Call.Id] || l.Call.Parent == "" {
			t.Errorf("left is %v", l)
		}
	}
	if len(left) != 10 {
		t.Errorf("%d letters are left", len(left))
	}
}

func TestEditOfADeadLetterIsChecked(t *testing.T) {
	s := dying(t, 1)
	id := s.dead(&messages.ListDeadRequest{Socket: "sample.fails"}).Letters[0].Call.Id
	edit := func(id, data string) (*messages.DeadInfo, error) {
		response, err := s.tasks.EditDead(s.within(), connect.NewRequest(&messages.EditDeadRequest{Id: id, Data: data}))
		if err != nil {
			return nil, err
		}
		return response.Msg, nil
	}
	for data, says := range map[string]string{"{": "JSON", "not JSON": "JSON", "[1]": "argument"} {
		if _, err := edit(id, data); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", data, err, says)
		}
	}
	if l, err := edit(id, "[]"); err != nil || !l.Edited {
		t.Errorf("edited: %v, %v", l, err)
	}
	call, err := s.run(&messages.RunRequest{Socket: "sample.emit_one", Positional: []string{"1"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := edit(call.Id, "[1]"); err == nil || !strings.Contains(err.Error(), "there is none") {
		t.Errorf("a call that has finished: %v", err)
	}
}

func TestDroppedLettersAreGone(t *testing.T) {
	s := dying(t, 2)
	all := s.dead(&messages.ListDeadRequest{}).Letters
	response, err := s.tasks.DropDead(s.within(), connect.NewRequest(&messages.DropDeadRequest{Ids: []string{all[0].Call.Id, all[1].Call.Id, all[0].Call.Id}}))
	if err != nil || len(response.Msg.Dropped) != 2 {
		t.Errorf("dropped %v, %v", response, err)
	}
	if left := s.dead(&messages.ListDeadRequest{}).Letters; len(left) != 2 {
		t.Errorf("left are %v", left)
	}
	if _, err := s.tasks.DropDead(s.within(), connect.NewRequest(&messages.DropDeadRequest{})); err == nil {
		t.Error("nothing named was not refused")
	}
	if _, err := s.tasks.RedriveDead(s.within(), connect.NewRequest(&messages.RedriveDeadRequest{Ids: []string{"x"}})); err == nil {
		t.Error("no id was not refused")
	}
}

func TestDeadLetterShowsLargeArgumentsAndIsSentAgainWithThem(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	s.create(&messages.Object{Name: "queue", Kind: messages.Kind_KIND_QUEUE, Spec: &messages.Object_Queue{Queue: &messages.Queue{Qtype: "direct", MessageTtl: 1}}})
	s.create(&messages.Object{Name: "far", Kind: messages.Kind_KIND_PROCESSOR, Spec: &messages.Object_Processor{Processor: &messages.Processor{
		Gitrepo: "file:///repo", Module: "pyfi.processors.sample", Concurrency: 1}}})
	s.create(&messages.Object{Name: "expires", Kind: messages.Kind_KIND_SOCKET, Spec: &messages.Object_Socket{Socket: &messages.Socket{Processor: "far", Queue: "queue", Task: "emit_one"}}})
	large := `"` + strings.Repeat("x", messages.MaxInline+1) + `"`
	sent, err := s.tasks.Submit(s.within(), connect.NewRequest(&messages.RunRequest{Socket: "expires", Positional: []string{large}}))
	if err != nil {
		t.Fatal(err)
	}
	id, _ := messages.ParseCallID(sent.Msg.Id)
	s.must(id.Partition(), &messages.Tick{}) // each command is a millisecond later
	s.must(id.Partition(), &messages.Tick{})
	dead, err := s.tasks.GetDead(s.within(), connect.NewRequest(&messages.GetDeadRequest{Id: sent.Msg.Id}))
	if err != nil || string(dead.Msg.Call.GetArguments().GetPositional()[0]) != large {
		t.Fatalf("the letter is %.200v, %v", dead, err)
	}
	again, err := s.tasks.RedriveDead(s.within(), connect.NewRequest(&messages.RedriveDeadRequest{Ids: []string{sent.Msg.Id}}))
	if err != nil || again.Msg.Redriven[0].Error != nil {
		t.Fatalf("sent again: %v, %v", again, err)
	}
	call, err := s.tasks.GetCall(s.within(), connect.NewRequest(&messages.GetCallRequest{Id: again.Msg.Redriven[0].Call, Arguments: true}))
	if err != nil || string(call.Msg.GetArguments().GetPositional()[0]) != large {
		t.Errorf("it is sent again as %.200v, %v", call, err)
	}
}

func TestDeadLettersOfADeletedSocketAreFoundByItsName(t *testing.T) {
	s := dying(t, 2)
	if _, err := s.objects.Delete(s.within(), connect.NewRequest(&messages.DeleteRequest{Kind: messages.Kind_KIND_SOCKET, Name: "far.fails", Force: true})); err != nil {
		t.Fatal(err)
	}
	letters := s.allDead(&messages.ListDeadRequest{Socket: "far.fails", Rows: 1}, nil)
	if len(letters) != 2 {
		t.Fatalf("%d letters, want 2", len(letters))
	}
	again, err := s.tasks.RedriveDead(s.within(), connect.NewRequest(&messages.RedriveDeadRequest{Ids: []string{letters[0].Call.Id}}))
	if err != nil {
		t.Fatal(err)
	}
	if why := again.Msg.Redriven[0].Error.Err(); !isKind(why, messages.NotFound) || !strings.Contains(why.Error(), "its target, socket far.fails, is gone") {
		t.Errorf("sent again: %v", why)
	}
	if _, err := s.tasks.ListDead(s.within(), connect.NewRequest(&messages.ListDeadRequest{Socket: "never.was"})); !isKind(err, messages.NotFound) {
		t.Errorf("of a socket that was never there: %v", err)
	}
}

func TestLetterThatWasSentAgainBeforeSaysSo(t *testing.T) {
	s := dying(t, 1)
	m := &messages.RedriveDeadRequest{Ids: []string{s.dead(&messages.ListDeadRequest{Socket: "sample.fails"}).Letters[0].Call.Id}}
	var calls []string
	for i := range 2 {
		r, err := s.tasks.RedriveDead(s.within(), connect.NewRequest(m))
		if err != nil || r.Msg.Redriven[0].Error != nil || r.Msg.Redriven[0].Duplicate != (i == 1) {
			t.Fatalf("the %d. time: %v, %v", i+1, r, err)
		}
		calls = append(calls, r.Msg.Redriven[0].Call)
	}
	if calls[0] != calls[1] {
		t.Errorf("it became two calls: %v", calls)
	}
}
