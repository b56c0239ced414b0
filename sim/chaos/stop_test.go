//go:build e2e

package chaos

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestANodeThatStopsSaysWhatItDoes: for how long it waits for what, and whom it
// leaves to others; --stop-grace is how long a running call may go on.
func TestANodeThatStopsSaysWhatItDoes(t *testing.T) {
	l := newLab(t, 1, "--stop-grace", "700ms")
	l.processor("p")
	socket := l.socket("p", "sleep_for")
	id := l.submit(socket, `[30]`)
	l.until("the call runs", soon, func() bool { return l.call(id).GetState() == "running" })
	n := l.w.Nodes[0]
	begin := time.Now()
	if err := n.Stop(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if took := time.Since(begin); took < 700*time.Millisecond || took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	log, err := os.ReadFile(n.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"stopping; 1 calls are here: those that run have up to 700ms", "handing over the leadership of partition 1, partition 2, the meta group", "node n1: stopped"} {
		if !strings.Contains(string(log), word) {
			t.Errorf("it does not say %q", word)
		}
	}
}
