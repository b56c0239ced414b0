package api_test

import (
	"strings"
	"testing"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

func (s *served) explain(id string) *messages.Explanation {
	s.t.Helper()
	why, err := s.tasks.Explain(s.within(), connect.NewRequest(&messages.ExplainRequest{Id: id}))
	if err != nil {
		s.t.Fatal(err)
	}
	return why.Msg
}

// TestExplainKnowsWhatTheModelKnows: a partition sees only that nobody works.
func TestExplainKnowsWhatTheModelKnows(t *testing.T) {
	s := serve(t)
	s.quickstart(0)
	sent, err := s.tasks.Submit(s.within(), connect.NewRequest(&messages.RunRequest{Socket: "sample.do_something", Data: data(`["x"]`)}))
	if err != nil {
		t.Fatal(err)
	}
	processor := func(p *messages.Processor, fields ...string) {
		t.Helper()
		if _, err := s.objects.Update(s.within(), connect.NewRequest(&messages.UpdateRequest{Kind: messages.Kind_KIND_PROCESSOR, Name: "proc1", Fields: fields,
			Object: &messages.Object{Spec: &messages.Object_Processor{Processor: p}}})); err != nil {
			t.Fatal(err)
		}
	}
	want := func(cause string) {
		t.Helper()
		if why := s.explain(sent.Msg.Id); why.Cause != cause || why.State != "queued" || why.Since == 0 || why.Socket != "sample.do_something" {
			t.Errorf("explained: %v, want %s", why, cause)
		}
	}
	want("starting")
	control := func(action string) {
		t.Helper()
		if _, err := s.objects.Control(s.within(), connect.NewRequest(&messages.ControlRequest{Processor: "proc1", Action: action})); err != nil {
			t.Fatal(err)
		}
	}
	control("stop")
	want("stopped")
	if why := s.explain(sent.Msg.Id); why.Text != "its processor proc1 is stopped" {
		t.Errorf("explained: %v", why)
	}
	control("start")
	want("starting")
	node, boot := s.node()
	s.must(messages.Meta, &messages.NodeDown{Node: node, Boot: boot, Reason: "pulled the plug"})
	want("no_cpu")
	s.must(messages.Meta, &messages.NodeUp{Node: &messages.NodeInfo{Id: node, Name: "alpha", Boot: boot + 1, Cpus: 4, Hostname: "alpha"}})
	processor(&messages.Processor{Hostname: "alpha"}, "processor.hostname")
	s.must(messages.Meta, &messages.NodeDown{Node: node, Boot: boot + 1, Reason: "pulled the plug"})
	want("host_gone")
	if _, err := s.tasks.Explain(s.within(), connect.NewRequest(&messages.ExplainRequest{Id: "4aadb065-57d7-8001-9b66-2e181ac0ffff"})); !isKind(err, messages.NotFound) {
		t.Errorf("a call that is not there: %v", err)
	}
}

// node gives the id and the boot of the world's one node.
func (s *served) node() (id string, boot uint64) {
	s.t.Helper()
	list, err := s.objects.List(s.within(), connect.NewRequest(&messages.ListRequest{Kind: messages.Kind_KIND_NODE}))
	if err != nil || len(list.Msg.Objects) != 1 {
		s.t.Fatal(list, err)
	}
	return list.Msg.Objects[0].Id, list.Msg.Objects[0].GetNode().Boot
}

// TestWhoHoldsTheCPUsIsNamed: whoever waits for a CPU must know whom to stop.
func TestWhoHoldsTheCPUsIsNamed(t *testing.T) {
	s := serve(t)
	s.quickstart(0)
	processor := func(name string) {
		s.create(&messages.Object{Name: name, Kind: messages.Kind_KIND_PROCESSOR, Spec: &messages.Object_Processor{Processor: &messages.Processor{
			Gitrepo: "file:///repo", Module: "pyfi.processors.sample", Concurrency: 1}}})
	}
	for _, name := range []string{"older1", "older2", "older3", "late"} {
		processor(name)
	}
	s.create(&messages.Object{Name: "late.socket", Kind: messages.Kind_KIND_SOCKET, Spec: &messages.Object_Socket{Socket: &messages.Socket{Processor: "late", Queue: "q", Task: "fails"}}})
	sent, err := s.tasks.Submit(s.within(), connect.NewRequest(&messages.RunRequest{Socket: "late.socket"}))
	if err != nil {
		t.Fatal(err)
	}
	why := s.explain(sent.Msg.Id)
	if why.Cause != "no_cpu" || !strings.Contains(why.Text, "older1 has 1") || !strings.Contains(why.Text, "proc1 has 1") {
		t.Errorf("explained: %v", why)
	}
}
