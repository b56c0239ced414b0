package worker

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

// The test binary is its own watchdog, and its own node where one has to die.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "watchdog" {
		os.Exit(Watchdog(os.Args[2:]))
	}
	if len(os.Args) > 2 && os.Args[1] == "node" {
		node(os.Args[2], os.Args[3])
	}
	os.Exit(m.Run())
}

// limit is how long the tests wait for what must come.
const limit = 20 * time.Second

func python(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("python3 is needed to test workers")
	}
	out, err := exec.Command(path, "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// module writes a module and gives the environment to run it in.
func module(t testing.TB, code string) messages.Environment {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "functions.py"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	return messages.Environment{Interpreter: python(t), Dir: dir, Module: "functions", Paths: []string{dir}}
}

func launcher(t testing.TB, limits Limits) *Launcher {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(Config{Watchdog: []string{self, "watchdog"}, Dir: filepath.Join(t.TempDir(), "workers"), Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// subject is a worker under test and its events.
type subject struct {
	*Process
	t      testing.TB
	events chan Event
	calls  int
}

func start(t testing.TB, code string) *subject {
	t.Helper()
	return startIn(t, launcher(t, Limits{}), module(t, code))
}

func startIn(t testing.TB, l *Launcher, env messages.Environment) *subject {
	t.Helper()
	s := &subject{t: t, events: make(chan Event, 10000)}
	p, err := l.Start(context.Background(), env, func(all ...Event) {
		for _, e := range all {
			s.events <- e
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Process = p
	return s
}

// expect gives the next event, which must be of one type.
func expect[E Event](s *subject) E {
	s.t.Helper()
	select {
	case e := <-s.events:
		if want, ok := e.(E); ok {
			return want
		}
		s.t.Fatalf("the worker told %#v", e)
	case <-time.After(limit):
		s.t.Fatal("the worker told nothing")
	}
	panic("not reached")
}

// send sends a call; arguments are JSON texts, name=text for named ones.
func (s *subject) send(function string, arguments ...string) messages.CallID {
	s.t.Helper()
	s.calls++
	w := work(fmt.Sprint("call ", s.calls), function, arguments...)
	if err := s.Send(w); err != nil {
		s.t.Fatal(err)
	}
	return w.Call
}

func work(key, function string, arguments ...string) Work {
	a := &messages.Arguments{}
	for _, text := range arguments {
		if name, value, ok := strings.Cut(text, "="); ok && !strings.ContainsAny(name, `"[{`) {
			a.Named = append(a.Named, &messages.NamedValue{Name: name, Value: []byte(value)})
		} else {
			a.Positional = append(a.Positional, []byte(text))
		}
	}
	return Work{Call: messages.NewCallID(key, 1, 0), Attempt: 1, Function: function, Arguments: a, Socket: "the socket"}
}

// call sends a call and gives how it was done.
func (s *subject) call(function string, arguments ...string) *Done {
	s.t.Helper()
	id := s.send(function, arguments...)
	if b := expect[Begun](s); b.Call != id {
		s.t.Fatalf("begun %s, want %s", b.Call, id)
	}
	d := expect[*Done](s)
	if d.Call != id || d.Attempt != 1 {
		s.t.Fatalf("done %s attempt %d, want %s attempt 1", d.Call, d.Attempt, id)
	}
	return d
}

// alive says whether a process runs; one that only waits to be reaped does not.
func alive(pid int) bool {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && !strings.Contains(string(b), ") Z ")
}

func mustGo(t testing.TB, within time.Duration, pids ...int) {
	t.Helper()
	until := time.Now().Add(within)
	for _, pid := range pids {
		for alive(pid) {
			if time.Now().After(until) {
				t.Fatalf("process %d still runs after %v", pid, within)
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
}
