package api_test

import (
	"strings"
	"testing"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

func (s *served) setCode(task, code string, mixin bool) (*messages.ObjectResponse, error) {
	response, err := s.objects.Update(s.within(), connect.NewRequest(&messages.UpdateRequest{Kind: messages.Kind_KIND_TASK, Name: task, Fields: []string{"task.code", "task.mixin"},
		Object: &messages.Object{Spec: &messages.Object_Task{Task: &messages.Task{Code: code, Mixin: mixin}}}}))
	if err != nil {
		return nil, err
	}
	return response.Msg, nil
}

func TestCodeOfATaskIsPartOfTheCommit(t *testing.T) {
	s := serve(t)
	s.quickstart(0)
	const code = "def emit_one(one): return 1"
	r, err := s.setCode("proc1.emit_one", code, false)
	if err != nil {
		t.Fatal(err)
	}
	commit := r.Object.GetProcessor().ResolvedCommit
	if messages.RepositoryCommit(commit) != s.commit || commit == s.commit {
		t.Errorf("the commit is %s", commit)
	}
	if task, err := s.get(messages.Kind_KIND_TASK, "proc1.emit_one"); err != nil || task.Object.GetTask().Code != code || task.Object.GetTask().Mixin {
		t.Errorf("the task is %v, %v", task, err)
	}
	if again, err := s.setCode("proc1.emit_one", code, false); err != nil || again.Object.GetProcessor().ResolvedCommit != commit {
		t.Errorf("the same text is %v, %v", again, err)
	} else if o := again.Object.GetProcessor().Overrides[0]; o.Version != 2 {
		t.Errorf("set twice it is %v", o)
	}
	if _, err := s.setCode("proc1.shout", "def shout(): return 2", true); err != nil {
		t.Fatal(err)
	}
	if task, err := s.get(messages.Kind_KIND_TASK, "proc1.shout"); err != nil || !task.Object.GetTask().Mixin {
		t.Errorf("the task that is mixed in is %v, %v", task, err)
	}
	for _, task := range []string{"proc1.shout", "proc1.emit_one"} {
		if r, err = s.setCode(task, "", false); err != nil {
			t.Fatal(err)
		}
	}
	if r.Object.GetProcessor().ResolvedCommit != s.commit || len(r.Object.GetProcessor().Overrides) != 0 {
		t.Errorf("without the texts it is %v", r.Object)
	}
	if _, err := s.get(messages.Kind_KIND_TASK, "proc1.shout"); err == nil {
		t.Error("the task that was mixed in is still there")
	}
}

func TestBadCodeOfATaskIsRefused(t *testing.T) {
	s := serve(t)
	s.quickstart(0)
	before, _ := s.get(messages.Kind_KIND_PROCESSOR, "proc1")
	for _, test := range []struct {
		task, code string
		mixin      bool
		says       string
	}{
		{"proc1.emit_one", "def other(", false, "line 1"}, {"proc1.emit_one", "", false, "no code of its own"},
		{"proc1.nothing", "def nothing(): pass", false, "no such task"}, {"nowhere.f", "def f(): pass", true, "no such processor"},
	} {
		if _, err := s.setCode(test.task, test.code, test.mixin); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v: %v", test, err)
		}
	}
	if after, _ := s.get(messages.Kind_KIND_PROCESSOR, "proc1"); after.Object.Version != before.Object.Version {
		t.Error("what was refused has changed the processor")
	}
}
