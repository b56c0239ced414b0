package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/elasticcode/flow/plant"
)

// TestReportIsKept: what one run has found the next does not look for, unless
// the program is another one.
func TestReportIsKept(t *testing.T) {
	dir := t.TempDir()
	file, guest := filepath.Join(dir, "report"), filepath.Join(dir, "guest")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(guest, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one program")
	m := mutation{bug: plant.ApplyTwice}
	r, err := openReport(file, guest, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.add(m, found{Bug: m.bug, First: 1, Seeds: 3}); err != nil {
		t.Fatal(err)
	}
	if err := r.end([]mutation{m}); err == nil || !strings.Contains(err.Error(), "left: apply-twice") {
		t.Errorf("with one of two rounds it ends with %v", err)
	}
	if err := r.close(); err != nil {
		t.Fatal(err)
	}

	again, err := openReport(file, guest, 2)
	if err != nil {
		t.Fatal(err)
	}
	if !again.has(m, 1) || again.has(m, 1+apart) {
		t.Errorf("it has %v", again.all)
	}
	if err := again.add(m, found{Bug: m.bug, First: 1 + apart, Seeds: 1}); err != nil {
		t.Fatal(err)
	}
	if err := again.end([]mutation{m}); err != nil {
		t.Errorf("with both rounds it ends with %v", err)
	}
	if err := again.close(); err != nil {
		t.Fatal(err)
	}

	write("another program")
	if _, err := openReport(file, guest, 2); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("a report of another program: %v", err)
	}
}

// TestEarliestSeedCounts: walks that go on at the same time fail in any order.
func TestEarliestSeedCounts(t *testing.T) {
	seeds, detail, err := earliest("--- FAIL: TestX\n seed 12: that\n seed 7: this\n", 5)
	if seeds != 3 || !strings.HasPrefix(detail, "seed 7: this") || err != nil {
		t.Errorf("%d seeds, %q, %v", seeds, detail, err)
	}
}
