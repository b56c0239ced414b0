//go:build e2e

package chaos

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// TestDeadLettersLiveAgain lets calls die in two partitions of three nodes, edits
// some, and sends all of them again while the leader of one partition is killed:
// each is sent once, and what was put right ends well.
func TestDeadLettersLiveAgain(t *testing.T) {
	const each = 20
	l := newLab(t, 3)
	var sockets []string
	for _, name := range []string{"near", "far"} {
		l.processor(name, "-c", "1")
		sockets = append(sockets, l.socket(name, "add_two"))
	}
	parents := map[string]bool{} // ids of the calls that died
	for range each {
		for _, socket := range sockets {
			parents[l.submit(socket, `{"one": "no number", "two": 3}`)] = false
		}
	}
	for id := range parents {
		l.ended(id, "failed")
	}
	if n := len(l.dead()); n != len(parents) {
		t.Fatalf("%d calls died, %d dead letters are listed", len(parents), n)
	}
	edited := map[string]bool{}
	for _, id := range l.dead()[:each] {
		edited[id] = true
		l.cli("dead", "edit", id, "-d", `{"one": 2, "two": 3}`)
	}
	one := l.dead()[0]
	if out := l.cli("dead", "show", one); !strings.Contains(out, "Edited") || !strings.Contains(out, "ValueError") || !strings.Contains(out, "one=2") {
		t.Errorf("dead show prints\n%s", out)
	}
	before := l.cli("dead", "show", one)
	refused := try(t, l.w, strings.Join(l.w.Addresses(), ","), "", "dead", "edit", one, "-d", "{one: 2")
	if refused.Code == 0 || !strings.Contains(refused.Stderr, "JSON") || l.cli("dead", "show", one) != before {
		t.Errorf("an edit that is not JSON: exit code %d, %s", refused.Code, refused.Stderr)
	}

	group := l.list(messages.Kind_KIND_SOCKET, "")[0].GetSocket().GetPartition()
	victim := l.node(l.leader(group))
	victim.Kill()
	calls := strings.Fields(l.cli("dead", "redrive", "--all"))
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	if len(calls) != len(parents) {
		t.Errorf("%d letters became %d calls", len(parents), len(calls))
	}
	good := 0
	for _, id := range calls {
		call, err := l.c.Result(t.Context(), id, soon)
		if err != nil {
			t.Fatal(err)
		}
		again, known := parents[call.GetParent()]
		if !known || again {
			t.Errorf("call %s is of %q, which did not die, or was sent again before", id, call.GetParent())
		}
		parents[call.GetParent()] = true
		if edited[call.GetParent()] {
			good++
			if call.GetResult() != "5" {
				t.Errorf("the edited call %s gives %s, %v", id, call.GetResult(), call.GetError())
			}
		}
	}
	left := l.dead()
	if good != each || len(left) != len(parents)-each {
		t.Errorf("%d edited ones ended well, %d letters are left", good, len(left))
	}
	l.cli("dead", "drop", "--all", "--yes")
	if left := l.dead(); len(left) != 0 {
		t.Errorf("%d letters are left", len(left))
	}
}

// dead gives the ids of all dead letters.
func (l *lab) dead() (ids []string) {
	l.t.Helper()
	var list struct{ Dead []struct{ ID string } }
	if err := json.Unmarshal([]byte(l.cli("-o", "json", "ls", "dead", "-r", "256")), &list); err != nil {
		l.t.Fatal(err)
	}
	for _, d := range list.Dead {
		ids = append(ids, d.ID)
	}
	return ids
}
