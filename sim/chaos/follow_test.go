//go:build e2e

package chaos

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// follower is a client of one node that follows a call.
type follower struct {
	done chan struct{}
	end  *messages.CallInfo
	err  error

	mu   sync.Mutex
	text strings.Builder
}

func (f *follower) has(text string) func() bool {
	return func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return strings.Contains(f.text.String(), text)
	}
}

func (l *lab) follow(id string, node *Node) *follower {
	l.t.Helper()
	c, err := client.New(client.Options{Addresses: []string{node.Address()}, Patience: soon})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &follower{done: make(chan struct{})}
	go func() {
		defer close(f.done)
		f.end, f.err = c.Follow(ctx, id, 0, func(p *messages.LogPiece) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.text.WriteString(p.Text)
			return nil
		})
	}()
	l.t.Cleanup(func() { cancel(); <-f.done; c.Close() })
	return f
}

// code gives a repository that holds one file.
func (l *lab) code(name, text string) string {
	l.t.Helper()
	dir := l.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	repository, err := MakeRepository(l.t.Context(), dir, filepath.Join(l.t.TempDir(), "repository"))
	if err != nil {
		l.t.Fatal(err)
	}
	return repository
}

// TestRunningCallIsFollowed: on each node a follower sees at once what a call
// prints, on whichever node it runs, over its attempts, until it ends.
func TestRunningCallIsFollowed(t *testing.T) {
	l := newLab(t, 3)
	l.cli("add", "processor", "-n", "talk", "-g", l.code("talk.py", talk), "-m", "talk", "--retries", "1", "--retry-delay", "10ms")
	l.socket("talk", "talk")
	dir := t.TempDir()
	touch := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	id := l.running("talk.talk", `"`+dir+`"`).Id
	var all []*follower
	for _, n := range l.w.Nodes {
		all = append(all, l.follow(id, n))
	}
	seen := func(text string) {
		t.Helper()
		for _, f := range all {
			l.until("a follower to see "+text, soon, f.has(text))
		}
	}
	seen("attempt 1 says one\n")
	touch("1")
	seen("attempt 2 says one\n")
	if logs, err := l.c.Logs(t.Context(), id, 0); err != nil || len(logs.Logs) != 1 || logs.Logs[0].Text != "attempt 1 says one\nattempt 1 says two\nfrom a child\n" {
		t.Errorf("logs: %v, %v", logs, err)
	}
	touch("2")
	const want = "attempt 1 says one\nattempt 1 says two\nfrom a child\nattempt 2 says one\nattempt 2 says two\nfrom a child\n"
	for _, f := range all {
		<-f.done
		if f.err != nil || f.end.GetState() != "finished" || f.text.String() != want {
			t.Errorf("followed: %q, %v, %v", f.text.String(), f.end, f.err)
		}
	}
	if out := l.cli("task", "logs", id, "-f"); !strings.Contains(out, "attempt 2 says two\n") {
		t.Errorf("task logs -f of a call that has ended: %s", out)
	}
}

const talk = `
import os, subprocess, time

def talk(dir):
    attempt = os.environ["FLOW_ATTEMPT"]
    print("attempt", attempt, "says one")
    while not os.path.exists(dir + "/" + attempt):
        time.sleep(0.01)
    print("attempt", attempt, "says two")
    subprocess.run(["echo", "from a child"], check=True)
    if attempt == "1":
        raise ValueError("once more")
`
