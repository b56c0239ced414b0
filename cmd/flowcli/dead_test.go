package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

// deadPages is how many pages of dead letters the fake network has.
const deadPages = 3

func deadID(n int) string { return fmt.Sprintf("0193a1b2-c3d4-7001-8f00-00000000000%d", n) }

func fakeLetter(n int) *messages.DeadInfo {
	return &messages.DeadInfo{Died: fakeFinished, Message: n == 2, Call: &messages.CallInfo{Id: deadID(n), Socket: doThis, Name: doThis, State: "failed", Owner: "joe",
		Error:     &messages.Failure{Type: "ValueError", Message: "on purpose\nand more", Traceback: "Traceback"},
		Arguments: &messages.Arguments{Positional: [][]byte{[]byte(`"x"`)}}}}
}

func (f *fake) ListDead(_ context.Context, r *connect.Request[messages.ListDeadRequest]) (*connect.Response[messages.ListDeadResponse], error) {
	n := 0
	_, _ = fmt.Sscan(r.Msg.PageToken, &n)
	if r.Msg.Type == "nosuch" {
		return connect.NewResponse(&messages.ListDeadResponse{}), nil
	}
	page := &messages.ListDeadResponse{Letters: []*messages.DeadInfo{fakeLetter(n)}}
	if n+1 < deadPages {
		page.NextPageToken = fmt.Sprint(n + 1)
	}
	return connect.NewResponse(page), nil
}

func (f *fake) GetDead(_ context.Context, r *connect.Request[messages.GetDeadRequest]) (*connect.Response[messages.DeadInfo], error) {
	return connect.NewResponse(fakeLetter(0)), nil
}

func (f *fake) EditDead(_ context.Context, r *connect.Request[messages.EditDeadRequest]) (*connect.Response[messages.DeadInfo], error) {
	l := fakeLetter(0)
	l.Edited, l.Call.Arguments = true, &messages.Arguments{Positional: [][]byte{[]byte(r.Msg.Data)}}
	return connect.NewResponse(l), nil
}

func (f *fake) RedriveDead(_ context.Context, r *connect.Request[messages.RedriveDeadRequest]) (*connect.Response[messages.RedriveDeadResponse], error) {
	response := &messages.RedriveDeadResponse{}
	for _, id := range r.Msg.Ids {
		one := &messages.Redriven{Id: id, Call: "call of " + id}
		if id == deadID(0) && f.redriven {
			one.Duplicate = true
		}
		if id == deadID(1) {
			one.Call, one.Error = "", messages.InfoOf(messages.Errorf(messages.Exhausted, "redrive", id, "its mailbox is full"))
		}
		response.Redriven = append(response.Redriven, one)
	}
	return connect.NewResponse(response), nil
}

func (f *fake) DropDead(_ context.Context, r *connect.Request[messages.DropDeadRequest]) (*connect.Response[messages.DropDeadResponse], error) {
	return connect.NewResponse(&messages.DropDeadResponse{Dropped: slices.DeleteFunc(r.Msg.Ids, func(id string) bool { return id == deadID(9) })}), nil
}

func TestDeadLettersAreListed(t *testing.T) {
	s := newShell(t, socketIn())
	r := s.run("ls", "dead", "-s", doThis, "--type", "ValueError", "--since", "1h", "-r", "7")
	if r.code != 0 || !strings.Contains(r.out, "on purpose") || strings.Contains(r.out, "and more") || !strings.Contains(r.err, "--page 2") {
		t.Errorf("exit code %d\n%s\n%s", r.code, r.out, r.err)
	}
	if m := last[*messages.ListDeadRequest](t, s.fake); m.Socket != doThis || m.Type != "ValueError" || m.Since == 0 || m.Rows != 7 {
		t.Errorf("asked for %v", m)
	}
	if r := s.run("ls", "dead", "-p", "3"); !strings.Contains(r.out, deadID(2)) || !strings.Contains(r.out, "message") {
		t.Errorf("the third page is\n%s", r.out)
	}
	if r := s.run("-o", "json", "ls", "dead"); !strings.Contains(r.out, `"more": true`) {
		t.Errorf("as JSON: %s", r.out)
	}
}

func TestDeadLetterIsShownAndEdited(t *testing.T) {
	s := newShell(t, socketIn())
	if r := s.run("dead", "show", deadID(0)); r.code != 0 || !strings.Contains(r.out, "Traceback") || !strings.Contains(r.out, `"x"`) {
		t.Errorf("exit code %d\n%s", r.code, r.out)
	}
	if r := s.run("dead", "edit", deadID(0), "-d", "[17]"); r.code != 0 || !strings.Contains(r.out, "Edited") || !strings.Contains(r.out, "[17]") {
		t.Errorf("exit code %d\n%s\n%s", r.code, r.out, r.err)
	}
	before := len(s.fake.asked)
	for _, data := range []string{"{one: 2", "no JSON"} {
		complains(t, s.run("dead", "edit", deadID(0), "-d", data), 2, "JSON")
	}
	complains(t, s.run("dead", "edit", deadID(0)), 2, "--data")
	if len(s.fake.asked) != before {
		t.Error("an edit that is not JSON was sent")
	}
}

func TestDeadLettersAreSentAgain(t *testing.T) {
	s := newShell(t, socketIn())
	if r := s.run("dead", "redrive", deadID(0)); r.code != 0 || strings.TrimSpace(r.out) != "call of "+deadID(0) {
		t.Errorf("exit code %d\n%s\n%s", r.code, r.out, r.err)
	}
	r := s.run("dead", "redrive", "--all")
	if n := strings.Count(r.out, "call of"); r.code != 8 || n != deadPages-1 || !strings.Contains(r.err, "its mailbox is full") || !strings.Contains(r.err, "2 sent again, 0 before, 1 could not be") {
		t.Errorf("all: %d\n%s\n%s", n, r.out, r.err)
	}
	if r := s.run("dead", "redrive", deadID(1)); r.code != 8 || strings.Count(r.err, "its mailbox is full") != 1 {
		t.Errorf("one that cannot be sent again: exit code %d\n%s", r.code, r.err)
	}
	if r := s.run("dead", "redrive", "--type", "nosuch"); r.code != 0 || !strings.Contains(r.err, "no dead letter is like that") {
		t.Errorf("a type that none has: exit code %d\n%s", r.code, r.err)
	}
	s.fake.redriven = true
	if r := s.run("dead", "redrive", deadID(0)); r.code != 0 || !strings.Contains(r.err, "0 sent again, 1 before") || !strings.Contains(r.err, "as call call of") {
		t.Errorf("sent again before: exit code %d\n%s", r.code, r.err)
	}
	before := len(s.fake.asked)
	if r := s.run("dead", "redrive", "-s", doThis, "--dry-run"); r.code != 0 || strings.Count(r.out, "\n") != deadPages {
		t.Errorf("dry run: exit code %d\n%s", r.code, r.out)
	}
	for _, m := range s.fake.asked[before:] {
		if _, sent := m.(*messages.RedriveDeadRequest); sent {
			t.Error("a dry run sent something")
		}
	}
	complains(t, s.run("dead", "redrive"), 2, "--all")
	complains(t, s.run("dead", "redrive", deadID(0), "--all"), 2, "--all")
}

func TestDeadLettersAreDroppedOnlyWhenThatIsSaid(t *testing.T) {
	s := newShell(t, socketIn())
	complains(t, s.run("dead", "drop", "--all"), 2, "--yes")
	if r := s.run("dead", "drop", "--all", "--yes"); r.code != 0 || !strings.Contains(r.err, "3 dropped") {
		t.Errorf("exit code %d\n%s", r.code, r.err)
	}
	if r := s.run("-o", "json", "dead", "drop", "--all", "--yes"); r.code != 0 || strings.Join(strings.Fields(r.out), "") != `{"dropped":3}` {
		t.Errorf("for programs: exit code %d, %s", r.code, r.out)
	}
	if r := s.run("dead", "drop", deadID(9), "--yes"); r.code != 3 || strings.Count(r.err, deadID(9)) != 1 {
		t.Errorf("one that is not there: exit code %d\n%s", r.code, r.err)
	}
	if r := s.run("dead", "drop", deadID(0), deadID(9), "--yes"); r.code != 3 || !strings.Contains(r.err, "1 of 2 could not be done") {
		t.Errorf("one of two is not there: exit code %d\n%s", r.code, r.err)
	}
	if r := s.run("dead", "drop", "--type", "nosuch", "--yes"); r.code != 0 || !strings.Contains(r.err, "no dead letter is like that") {
		t.Errorf("a type that none has: exit code %d\n%s", r.code, r.err)
	}
}
