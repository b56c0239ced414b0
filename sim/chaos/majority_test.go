//go:build e2e

package chaos

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestWithoutAMajorityTheNetworkSaysSo leaves one node of three: each verb must
// say, soon and with another exit code than 0, which nodes are missing.
func TestWithoutAMajorityTheNetworkSaysSo(t *testing.T) {
	l := newLab(t, 3)
	l.processor("p")
	socket := l.socket("p", "do_this")
	l.gives(socket, `["x"]`, `"Do this String: x"`)
	left, gone := l.w.Nodes[1], []*Node{l.w.Nodes[0], l.w.Nodes[2]}
	for _, n := range gone {
		n.Kill()
	}
	ask := func(limit time.Duration, args ...string) Output {
		t.Helper()
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		out, err := l.w.CLI(ctx, left.Address(), nil, args...)
		if took := time.Since(begin); err != nil || took > limit {
			t.Errorf("%v took %v: %v", args, took, err)
		}
		return out
	}
	missing := "voters of the meta group cannot be reached: n1, n3"
	l.until("the network says that it has no majority", soon, func() bool {
		out := ask(5*time.Second, "network")
		return out.Code == 5 && strings.Contains(out.Stderr, "2 of 3 "+missing) && strings.Contains(out.Stderr, "as node n2 sees it") &&
			strings.Count(out.Stdout, "unreachable") == 2
	})
	if out := ask(5*time.Second, "ls", "sockets"); out.Code != 5 || !strings.Contains(out.Stderr, missing) || !strings.Contains(out.Stderr, "Hint:") {
		t.Errorf("ls: exit %d: %s", out.Code, out.Stderr)
	}
	if out := ask(6*time.Second, "run", socket, "x", "--timeout", "4"); out.Code != 5 || !strings.Contains(out.Stderr, "cannot be reached: n") {
		t.Errorf("run: exit %d: %s", out.Code, out.Stderr)
	}
	response, err := http.Get("http://" + left.Address() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); !strings.Contains(string(text), "the meta group: it has no majority") {
		t.Errorf("readyz: %s", text)
	}
	for _, n := range gone {
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
	}
	l.gives(socket, `["y"]`, `"Do this String: y"`)
	if out := ask(5*time.Second, "network"); out.Code != 0 {
		t.Errorf("with all nodes again: exit %d: %s", out.Code, out.Stderr)
	}
}
