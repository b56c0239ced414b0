//go:build e2e

package chaos

import (
	"slices"
	"strings"
	"testing"
)

// TestDeadLettersOneByOne sends dead letters again, and drops some, by id and by
// filter: one that is sent again twice is one call, and a dropped one is a call still.
func TestDeadLettersOneByOne(t *testing.T) {
	l := newLab(t, 1)
	l.processor("near", "-c", "1")
	add, fail := l.socket("near", "add_two"), l.socket("near", "fail")
	died := func(socket, data string) string {
		id := l.submit(socket, data)
		l.ended(id, "failed")
		return id
	}
	const wrong = `{"one": "no number", "two": 3}`
	first, second, third := died(add, wrong), died(add, wrong), died(fail, "[]")
	l.cli("dead", "edit", first, "-d", `{"one": 2, "two": 3}`)
	again := strings.TrimSpace(l.cli("dead", "redrive", first))
	l.ended(again, "finished")
	if twice := l.cli("dead", "redrive", first); !strings.Contains(twice, again) {
		t.Errorf("sent again twice, it is %q, and was %q", twice, again)
	}
	l.left(second, third)

	if would := l.cli("dead", "redrive", "--socket", add, "--dry-run"); !strings.Contains(would, second) || strings.Contains(would, third) {
		t.Errorf("of socket %s would be sent again:\n%s", add, would)
	}
	l.left(second, third)
	another := strings.TrimSpace(l.cli("dead", "redrive", "--socket", add))
	l.ended(another, "failed")
	l.left(third, another)

	l.cli("dead", "drop", another, "--yes")
	l.left(third)
	l.rejected("dead", "redrive", another, "there is none")
	if call := l.cli("ls", "call", another); !strings.Contains(call, "failed") {
		t.Errorf("the call of a dropped letter is\n%s", call)
	}
	l.cli("dead", "drop", "--type", "NoSuchError", "--yes")
	l.left(third)
	l.cli("dead", "drop", "--socket", fail, "--yes")
	l.left()
}

// left checks which dead letters there are.
func (l *lab) left(want ...string) {
	l.t.Helper()
	got := l.dead()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		l.t.Errorf("dead letters are %v, want %v", got, want)
	}
}
