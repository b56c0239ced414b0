//go:build e2e

package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startNode runs bin/node to its end, which must come soon.
func startNode(t *testing.T, env []string, args ...string) (stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin(t), "node"), args...)
	cmd.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stderr = &out
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("node %s: %v, %v", strings.Join(args, " "), err, ctx.Err())
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// TestNodeThatCannotStartSaysWhy: wrong flags exit 2 and touch nothing, a place
// that is taken exits 1.
func TestNodeThatCannotStartSaysWhy(t *testing.T) {
	w, _ := started(t, 1)
	n := w.Nodes[0]
	run, data := filepath.Join(w.Dir, "run"), filepath.Join(w.Dir, "other")
	for _, bad := range []struct {
		line string
		env  string
		code int
		says []string
	}{
		{"--prt 1", "", 2, []string{"--prt", "--port"}},
		{"--port 70000", "", 2, []string{"--port 70000"}},
		{"--log-store paper", "", 2, []string{"--log-store paper", "bolt or wal"}},
		{"--bind 0.0.0.0", "", 2, []string{"0.0.0.0", "--insecure"}},
		{"", "FLOW_CPUS=many", 2, []string{"FLOW_CPUS=many"}},
		{"", "FLOW_LOG_FORMAT=xml", 2, []string{"xml", "text or json"}},
		{fmt.Sprintf("--port %d", n.Port), "", 1, []string{fmt.Sprint(n.Port + 1), "in use", "--port"}},
		{"--data " + n.Data, "", 1, []string{n.Data, "another process uses it"}},
		{"--bind 192.0.2.1 --insecure", "", 1, []string{"192.0.2.1", "--bind"}},
	} {
		args := append(strings.Fields(bad.line), "--runtime", run)
		if !strings.Contains(bad.line, "--data") {
			args = append(args, "--data", data)
		}
		stderr, code := startNode(t, []string{bad.env}, args...)
		if code != bad.code {
			t.Errorf("node %s %s: exit code %d, want %d: %s", bad.env, bad.line, code, bad.code, stderr)
		}
		for _, word := range append(bad.says, "node: ") {
			if !strings.Contains(stderr, word) {
				t.Errorf("node %s %s: it does not say %q: %s", bad.env, bad.line, word, stderr)
			}
		}
		if _, err := os.Stat(data); code == 2 && err == nil {
			t.Errorf("node %s %s: made %s", bad.env, bad.line, data)
		}
	}
}

// TestNodeTellsWhereItListens in one line; its log is JSON if that is asked for,
// and what it tells on stdout is in words all the same; SIGTERM ends it with exit
// code 0, and without a warning.
func TestNodeTellsWhereItListens(t *testing.T) {
	w, _ := started(t, 1, "--log-format", "json")
	n := w.Nodes[0]
	if err := n.Stop(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	log, err := os.ReadFile(n.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	first, rest, _ := strings.Cut(string(log), "\n")
	if !strings.Contains(first, "API on http://"+n.Address()) || !strings.Contains(first, n.Data) {
		t.Errorf("the first line is %q", first)
	}
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, "node n1: ") {
			continue
		}
		var entry struct{ Level, Msg string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Msg == "" {
			t.Errorf("%q is no JSON: %v", line, err)
		}
		if entry.Level == "WARN" || entry.Level == "ERROR" {
			t.Errorf("a node that was started and stopped says %s", line)
		}
	}
}
