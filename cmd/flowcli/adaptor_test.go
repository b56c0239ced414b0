package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

const sinks = `
import sys, threading

class Sink:
    def __init__(self):
        self.n = 0

    def take(self, message):
        self.n += 1
        print(self.n, message['state'])

def plain(message):
    print(message['state'])

def picky(message):
    if message['state'] == 'second':
        raise ValueError('not this one')

def hangs(message):
    threading.Event().wait()

def leaves(message):
    sys.exit(0)
`

// inSinks makes the adaptors' module the current directory's.
func inSinks(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("sinks.py", []byte(sinks), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAdaptorGetsEachMessage(t *testing.T) {
	inSinks(t)
	for path, want := range map[string]string{"sinks.Sink.take": "1 received\n2 running\n", "sinks.plain": "received\nrunning\n"} {
		var out, errs bytes.Buffer
		a := &adaptor{path: path, slow: adaptorSlow, limit: adaptorLimit, notef: t.Logf}
		if err := a.start(t.Context(), &out, &errs); err != nil {
			t.Fatal(err)
		}
		for _, state := range []string{"received", "running"} {
			if err := a.take([]byte(`{"state": "` + state + `"}`)); err != nil {
				t.Error(err)
			}
		}
		if err := a.close(); err != nil || out.String() != want {
			t.Errorf("%s printed %q, want %q; %v %s", path, out.String(), want, err, errs.String())
		}
	}
}

// hears lets the fake tell messages with these states, and then nothing more.
func (f *fake) hears(states ...string) {
	for _, state := range states {
		f.notices = append(f.notices, &messages.Notice{Channel: "task", State: state, Call: state})
	}
}

func (f *fake) Listen(ctx context.Context, r *connect.Request[messages.ListenRequest], stream *connect.ServerStream[messages.Notice]) error {
	if r.Msg.Name == "nope" {
		return messages.Errorf(messages.NotFound, "listen", "nope", "no socket, processor or queue has this name")
	}
	for _, n := range append([]*messages.Notice{{State: "listening", Date: fakeReceived}}, f.notices...) {
		if err := stream.Send(n); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

func TestListenEndsWhenTheAdaptorHasTakenEnough(t *testing.T) {
	inSinks(t)
	s := newShell(t, &fake{})
	s.fake.hears("first", "second", "third")
	r := s.run("listen", "-n", "*", "-c", "*", "--count", "2", "-a", "sinks.Sink.take")
	wants(t, r, 0, "1 first\n2 second\n")
}

func TestListenFailsWithAnAdaptorThatDoes(t *testing.T) {
	inSinks(t)
	for _, c := range []struct {
		path  string
		words []string
	}{
		{"nowhere.Sink.take", []string{"there is no such module"}},
		{"sinks.Sink.nothing", []string{"nothing"}},
		{"sinks.picky", []string{"ended: exit status 1: ValueError: not this one", "Traceback"}},
		{"sinks.leaves", []string{"ended: exit status 0"}},
		{"sinks.hangs", []string{"adaptor sinks.hangs", "within 300ms", "--adaptor-timeout"}},
	} {
		for _, count := range [][]string{nil, {"--count", "2"}} {
			t.Run(fmt.Sprint(c.path, count), func(t *testing.T) {
				s := newShell(t, &fake{})
				s.fake.hears("first", "second", "third")
				args := append([]string{"listen", "-n", "*", "-c", "*", "-a", c.path}, count...)
				if c.path == "sinks.hangs" {
					args = append(args, "--adaptor-timeout", "300ms")
				}
				complains(t, s.run(args...), exitFailed, c.words...)
			})
		}
	}
}

// An adaptor that is gone while there is nothing to take ends it too.
func TestListenEndsWithAnAdaptorThatIsGone(t *testing.T) {
	t.Chdir(t.TempDir())
	code := "import os, threading\ndef take(message):\n    threading.Timer(0.05, os._exit, [3]).start()\n"
	if err := os.WriteFile("brief.py", []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newShell(t, &fake{})
	s.fake.hears("first")
	complains(t, s.run("listen", "-n", "*", "-c", "*", "-a", "brief.take"), exitFailed, "exit status 3")
}

func TestPeopleAreToldOfASlowAdaptor(t *testing.T) {
	inSinks(t)
	told := make(chan string, 2) // of the start, which may be slow, and of the message
	a := &adaptor{path: "sinks.hangs", slow: 50 * time.Millisecond, limit: 10 * time.Second}
	a.notef = func(format string, args ...any) { told <- fmt.Sprintf(format, args...) }
	var out, errs bytes.Buffer
	if err := a.start(t.Context(), &out, &errs); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- a.take([]byte("{}")) }()
	for text := ""; text != "adaptor sinks.hangs has not come to an end with a message for 50ms"; {
		select {
		case text = <-told:
		case err := <-ended:
			t.Fatalf("nobody was told: %v", err)
		}
	}
	_ = a.command.Process.Kill()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("it ended with %v", err)
	}
}

func TestListenSaysThatItListensOnlyWhenItDoes(t *testing.T) {
	s := newShell(t, &fake{})
	s.fake.hears("first")
	r := s.run("listen", "-n", "nope", "-c", "*")
	complains(t, r, 3, "no socket, processor or queue has this name")
	if strings.Contains(r.err, "Listening") {
		t.Errorf("it says %q", r.err)
	}
	if r := s.run("listen", "-n", "*", "-c", "*", "--count", "1"); r.code != 0 || r.err != "Listening to *\n" || !strings.Contains(r.out, `"first"`) {
		t.Errorf("exit code %d, %q, %q", r.code, r.out, r.err)
	}
	for _, count := range []string{"0", "-1"} {
		complains(t, s.run("listen", "-n", "*", "-c", "*", "--count", count), 2, "--count "+count, "1 or more")
	}
	complains(t, s.run("listen", "-n", "*", "-c", "*", "-a", ""), 2, "--adaptor", "names no function")
}

func TestNoticeHasTheNamesOfTheReference(t *testing.T) {
	n := noticeOf(&messages.Notice{Channel: "task", State: "postrun", Room: "pyfi.queue1.proc1", Call: "id", Message: `"x"`})
	if n.Channel != "task" || n.Room != "pyfi.queue1.proc1" || n.Resultkey != "id" || n.Message != `"x"` {
		t.Errorf("notice %+v", n)
	}
}
