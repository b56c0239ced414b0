package api_test

import (
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

// Each read that takes a position, with one that does not exist.
func TestReadBehindAPlaceThatIsNotThere(t *testing.T) {
	s := serve(t)
	s.quickstart(1)
	call, err := s.run(&messages.RunRequest{Socket: "sample.do_something", Data: data(`"x"`)})
	if err != nil {
		t.Fatal(err)
	}
	hold, err := s.tasks.Submit(s.within(), connect.NewRequest(&messages.RunRequest{Socket: "sample.hold"}))
	if err != nil {
		t.Fatal(err)
	}
	reads := map[string]func(*messages.Position) error{
		"call": func(p *messages.Position) error {
			_, err := s.tasks.GetCall(s.within(), connect.NewRequest(&messages.GetCallRequest{Id: hold.Msg.Id, After: p}))
			return err
		},
		"calls": func(p *messages.Position) error {
			_, err := s.tasks.ListCalls(s.within(), connect.NewRequest(&messages.ListCallsRequest{After: []*messages.Position{call.Position, p}}))
			return err
		},
		"object": func(p *messages.Position) error {
			_, err := s.objects.Get(s.within(), connect.NewRequest(&messages.GetRequest{Kind: messages.Kind_KIND_QUEUE, Name: "q", After: p}))
			return err
		},
		"objects": func(p *messages.Position) error {
			_, err := s.objects.List(s.within(), connect.NewRequest(&messages.ListRequest{Kind: messages.Kind_KIND_QUEUE, After: p}))
			return err
		},
	}
	id, err := messages.ParseCallID(hold.Msg.Id)
	if err != nil {
		t.Fatal(err)
	}
	group := id.Partition()
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each waits for a while
			if err := read(call.Position); err != nil {
				t.Errorf("behind a place that is there: %v", err)
			}
			begin := time.Now()
			if err := read(&messages.Position{Group: 99, Index: 1}); !isKind(err, messages.Invalid) || !strings.Contains(err.Error(), "group 99") || time.Since(begin) > time.Second {
				t.Errorf("behind a place in no group, after %v: %v", time.Since(begin), err)
			}
			far := &messages.Position{Group: uint32(group), Index: 1 << 40}
			if name == "object" || name == "objects" {
				far.Group = uint32(messages.Meta)
			}
			begin = time.Now()
			if err := read(far); !isKind(err, messages.Invalid) || !strings.Contains(err.Error(), "log ends at") || time.Since(begin) > 8*time.Second {
				t.Errorf("behind a place that is far ahead, after %v: %v", time.Since(begin), err)
			}
		})
	}
}
