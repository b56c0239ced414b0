package main

import (
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// TestQuickstart types the five commands of the quickstart as they stand there.
func TestQuickstart(t *testing.T) {
	s := newShell(t, &fake{})
	for _, line := range []string{
		"add queue -n pyfi.queue1 -t direct",
		"add processor -n proc1 -g https://example.org/pyfi-processors -m pyfi.processors.sample -h localhost -c 5",
		"add socket -n pyfi.processors.sample.do_something -q pyfi.queue1 -pn proc1 -t do_something",
		"add socket -n pyfi.processors.sample.do_this -q pyfi.queue1 -pn proc1 -t do_this",
	} {
		if r := s.run(strings.Fields(line)...); r.code != 0 || !strings.Contains(r.out, ":2021-09-13 19:30:19.885993\n") {
			t.Fatalf("%s: exit %d, %s%s", line, r.code, r.out, r.err)
		}
	}
	wants(t, s.run("task", "run", "--socket", "pyfi.processors.sample.do_this", "--data", "['some data']"), 0, `["some data"]`+"\n")

	queue, _ := s.fake.find(messages.Kind_KIND_QUEUE, "pyfi.queue1")
	if q := queue.GetQueue(); q.GetQtype() != "direct" || !q.Durable || !q.Reliable || q.AutoDelete || q.MessageTtl != 0 || queue.Owner != "joe" {
		t.Errorf("queue: %v", queue)
	}
	processor, _ := s.fake.find(messages.Kind_KIND_PROCESSOR, "proc1")
	p := processor.GetProcessor()
	if p.GetConcurrency() != 5 || p.Commit != "" || p.Hostname != "" || p.Module != "pyfi.processors.sample" ||
		p.Gitrepo != "https://example.org/pyfi-processors" || processor.RequestedStatus != "running" {
		t.Errorf("processor: %v", processor)
	}
	socket, _ := s.fake.find(messages.Kind_KIND_SOCKET, "pyfi.processors.sample.do_this")
	if x := socket.GetSocket(); x.GetProcessor() != "proc1" || x.Queue != "pyfi.queue1" || x.Function != "do_this" || x.Task != "" {
		t.Errorf("socket: %v", socket)
	}
	for _, user := range s.fake.users {
		if user != "joe" {
			t.Errorf("a request came from %q", user)
		}
	}
}
