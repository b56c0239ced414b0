package node

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// The test binary is the watchdog of its own workers.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "watchdog" {
		os.Exit(Watchdog(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// world is nodes in this process: what cannot be asked for from outside,
// a panic in an actor, is done from within.
type world struct {
	t         *testing.T
	nodes     []*Node
	addresses []string
	client    *client.Client
}

func newWorld(t *testing.T, nodes int) *world {
	t.Helper()
	w, dir := &world{t: t}, t.TempDir()
	var gossip []string
	for i := range nodes {
		said := newAnnouncement()
		n, err := New(Config{Data: filepath.Join(dir, fmt.Sprint(i)), Runtime: filepath.Join(dir, "run"), Name: fmt.Sprint("n", i+1), CPUs: 1,
			Port: freePorts(t), Join: gossip, Announce: said, Logger: slog.New(slog.NewTextHandler(testLog{t}, nil))})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }()
		t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				t.Errorf("node %d: %v", i+1, err)
			}
		})
		api, at := said.wait(t)
		gossip = append(gossip, at)
		w.nodes, w.addresses = append(w.nodes, n), append(w.addresses, api)
	}
	c, err := client.New(client.Options{Addresses: w.addresses})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w.client = c
	return w
}

// freePorts finds three free ports in a row.
func freePorts(t *testing.T) int {
	t.Helper()
	for range 200 {
		base, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port, free := base.Addr().(*net.TCPAddr).Port, 0
		for ; free < 2; free++ {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+free+1))
			if err != nil {
				break
			}
			l.Close()
		}
		base.Close()
		if free == 2 {
			return port
		}
	}
	t.Fatal("no three free ports in a row in 200 tries")
	return 0
}

// testLog writes a node's log into the test's.
type testLog struct{ t *testing.T }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Logf("%s", bytes.TrimSpace(b))
	return len(b), nil
}

// announcement hears the line in which a node says where it listens.
type announcement struct {
	line chan string
	once sync.Once
}

func newAnnouncement() *announcement { return &announcement{line: make(chan string, 1)} }

func (a *announcement) Write(b []byte) (int, error) {
	a.once.Do(func() { a.line <- string(b) })
	return len(b), nil
}

func (a *announcement) wait(t *testing.T) (api, gossip string) {
	t.Helper()
	select {
	case line := <-a.line:
		for _, part := range strings.Split(line, ", ") {
			words := strings.Fields(part)
			switch at := words[len(words)-1]; {
			case strings.HasPrefix(at, "http://"):
				api = strings.TrimPrefix(at, "http://")
			case strings.HasPrefix(part, "gossip on"):
				gossip = at
			}
		}
	case <-time.After(time.Minute):
		t.Fatal("the node does not say where it listens")
	}
	return api, gossip
}

func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); {
		if time.Now().After(end) {
			w.t.Fatalf("%s: not within a minute", what)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-w.t.Context().Done():
			w.t.FailNow()
		}
	}
}

// repository commits a module to a new git repository.
func repository(t *testing.T, code string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "module.py"), []byte(code), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"},
		{"-c", "user.name=example", "-c", "user.email=example@example.invalid", "commit", "-q", "-m", "module"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return "file://" + dir
}

const hangOnce = `import os, time

def hang_once(mark):
    if os.environ["FLOW_ATTEMPT"] == "1":
        open(mark, "w").close()
        time.sleep(3600)
    return os.environ["FLOW_ATTEMPT"]
`

func (w *world) create(o *messages.Object) {
	w.t.Helper()
	if _, err := w.client.Create(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) serve(code string) {
	w.t.Helper()
	w.create(&messages.Object{Name: "p", Kind: messages.Kind_KIND_PROCESSOR,
		Spec: &messages.Object_Processor{Processor: &messages.Processor{Gitrepo: repository(w.t, code), Module: "module", Concurrency: 3}}})
	w.create(&messages.Object{Name: "q", Kind: messages.Kind_KIND_QUEUE, Spec: &messages.Object_Queue{Queue: &messages.Queue{}}})
	w.create(&messages.Object{Name: "hang_once", Kind: messages.Kind_KIND_SOCKET,
		Spec: &messages.Object_Socket{Socket: &messages.Socket{Queue: "q", Processor: "p", Task: "hang_once"}}})
}

// running reads a call where it is kept, until it runs.
func (w *world) running(id messages.CallID) (call *messages.Call) {
	w.t.Helper()
	w.until("call "+id.String()+" to run", func() bool {
		r, err := w.nodes[0].router.Query(w.t.Context(), &messages.QueryRequest{Group: uint32(id.Partition()),
			Query: &messages.QueryRequest_Call{Call: &messages.CallQuery{Id: id.Bytes()}}})
		call = r.GetCall()
		return err == nil && call.GetState() == messages.CallState_RUNNING
	})
	return call
}

func (w *world) named(name string) *Node {
	w.t.Helper()
	for _, n := range w.nodes {
		if n.self.Name == name {
			return n
		}
	}
	w.t.Fatalf("there is no node %q", name)
	return nil
}

// TestPanicInASlotsActor: whoever made it panic is told, from whatever node; the
// call that ran is tried again, once, by another worker; the slot goes on.
func TestPanicInASlotsActor(t *testing.T) {
	w := newWorld(t, 3)
	w.serve(hangOnce)
	for _, elsewhere := range []bool{false, true} {
		t.Run(map[bool]string{false: "on the caller's node", true: "from another node"}[elsewhere], func(t *testing.T) {
			mark := filepath.Join(t.TempDir(), "hangs")
			data := strconv.Quote(mark)
			submitted, err := w.client.Submit(t.Context(), &messages.RunRequest{Socket: "hang_once", Data: &data})
			if err != nil {
				t.Fatal(err)
			}
			id, err := messages.ParseCallID(submitted.GetId())
			if err != nil {
				t.Fatal(err)
			}
			call := w.running(id)
			// It counts as running from its lease on, of which the slot hears later.
			w.until("the function to hang", func() bool { _, err := os.Stat(mark); return err == nil })
			there := w.named(call.GetNode())
			caller := there
			if elsewhere {
				for _, n := range w.nodes {
					if n != there {
						caller = n
					}
				}
			}
			_, err = caller.system.Ask(there.self.Node, call.GetSlot(), &messages.Panic{Reason: "for show"}, 5*time.Second)
			if err == nil || !strings.Contains(err.Error(), "the actor panicked: for show") {
				t.Errorf("whoever made it panic was answered %v", err)
			}
			end, err := w.client.Result(t.Context(), submitted.GetId(), 30*time.Second)
			if err != nil || end.GetState() != "finished" || end.GetResult() != `"2"` {
				t.Fatalf("the call is %s, gives %s (%v): %v", end.GetState(), end.GetResult(), end.GetError(), err)
			}
			info, err := w.client.GetCall(t.Context(), submitted.GetId(), false)
			if err != nil || info.GetAttempts() != 2 || info.GetCrashes() != 1 || info.GetLost()+info.GetTries() != 0 {
				t.Errorf("attempts %d, crashes %d, lost %d, tries %d; %v", info.GetAttempts(), info.GetCrashes(), info.GetLost(), info.GetTries(), err)
			}
			w.until("three workers", func() bool {
				r, err := w.client.List(t.Context(), &messages.ListRequest{Kind: messages.Kind_KIND_WORKER})
				return err == nil && r.GetTotal() == 3
			})
		})
	}
}
