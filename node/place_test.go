package node

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// TestAStartThatFailsLeavesNoDirectory: the next one would take it for a node's.
func TestAStartThatFailsLeavesNoDirectory(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0") // where its peers would find it
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	peers, _ := strconv.Atoi(port)
	dir := t.TempDir()
	n, err := New(Config{Data: filepath.Join(dir, "data"), Port: peers - 1, Runtime: filepath.Join(dir, "run"), Watchdog: []string{"true"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Run(t.Context()); err == nil {
		t.Fatal("it runs")
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); !os.IsNotExist(err) {
		t.Errorf("its data directory is left: %v", err)
	}
}
