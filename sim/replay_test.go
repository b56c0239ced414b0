package sim

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/twin"
)

// smallLog is a partition's log: a processor, two sockets with a plug between
// them, and a call that has ended and led to another.
func smallLog(t *testing.T) Logs {
	t.Helper()
	plug := &messages.PlugTo{Plug: "u", Name: "u", Type: "RESULT", Target: "s2", TargetName: "s2", Partition: 1}
	logs := Logs{}
	for i, m := range []proto.Message{
		&messages.ConfigureProcessor{Processor: "p", Name: "p", Commit: "c", Status: "running"},
		&messages.ConfigureSocket{Socket: "s", Name: "s", Processor: "p", Function: "f", Plugs: []*messages.PlugTo{plug}},
		&messages.ConfigureSocket{Socket: "s2", Name: "s2", Processor: "p", Function: "f", Incoming: []*messages.PlugFrom{{Plug: "u", Name: "u", Source: "s", SourceName: "s", Partition: 1}}},
		&messages.Grant{Session: "n/1", Slot: "0", Processor: "p", Commit: "c", Window: 1},
		&messages.Enqueue{Id: id("a"), Socket: "s", Content: []byte("x"), Arguments: &messages.Arguments{Positional: [][]byte{[]byte("1")}}},
		&messages.Complete{Session: "n/1", Slot: "0", Call: id("a"), Attempt: 1, Outcome: messages.Outcome_OK, Result: []byte("2")},
		&messages.Complete{Session: "n/1", Slot: "0", Call: messages.DeriveCallID(messages.CallIDFrom(id("a")).String(), "u", 0, 1).Bytes(), Attempt: 1, Outcome: messages.Outcome_OK, Result: []byte("3")},
	} {
		c, err := messages.NewCommand(m)
		if err != nil {
			t.Fatal(err)
		}
		entry := messages.Entry{Time: 1_700_000_000_000_000 + int64(i), Commands: []messages.Command{c}}.Append(nil)
		if v := logs.add(1, uint64(i+1), committed{int64(i), "n1", entry}); v != nil {
			t.Fatal(v)
		}
	}
	return logs
}

// hashesOfAll is what a replica would tell of a log: of its last entry.
func hashesOfAll(t *testing.T, logs Logs) (applied, state string) {
	t.Helper()
	r, broken := replay(1, logs[1], nil)
	if len(broken) > 0 {
		t.Fatal(broken)
	}
	last := r.done[len(r.done)-1]
	return fmt.Sprintf("%016x", shortHash(twin.EncodeResults([]messages.Result{last.result}))), fmt.Sprintf("%016x", shortHash(twin.EncodeState(r.state)))
}

func TestLogsAreHeldAgainstWhatReplicasTell(t *testing.T) {
	logs := smallLog(t)
	applied, state := hashesOfAll(t, logs)
	const other = "0123456789abcdef"
	for _, c := range []struct {
		name, applied, state string
		want                 int
	}{
		{"as it is", applied, state, 0},
		{"a replica answers otherwise", other, state, 1},
		{"a replica's state is another one", applied, other, 1},
	} {
		h := told("n1: applied 1 7 "+c.applied, "n2: state 1 7 "+c.state)
		if broken := checkLogs(logs, h); len(broken) != c.want || c.want > 0 && broken[0].Promise != promiseReplay {
			t.Errorf("%s: found %v, want %d", c.name, broken, c.want)
		}
	}
}

func TestReplicasThatApplyOtherEntriesAreFound(t *testing.T) {
	logs := smallLog(t)
	same := logs[1].entries[3]
	if v := logs.add(1, 3, same); v != nil {
		t.Errorf("the same entry again: %v", v)
	}
	if v := logs.add(1, 3, logs[1].entries[4]); v == nil || v.Promise != promiseLogs {
		t.Errorf("another entry at the same place: %v", v)
	}
}

// TestRecordsAreHeldAgainstPlugs leaves out what a plug leads to, and its end.
func TestRecordsAreHeldAgainstPlugs(t *testing.T) {
	logs := smallLog(t)
	delete(logs[1].entries, 7)
	if broken := checkLogs(logs, nil); len(broken) != 1 || broken[0].Promise != promiseRecords {
		t.Errorf("a call that has not ended: found %v", broken)
	}
	delete(logs[1].entries, 6)
	delete(logs[1].entries, 5)
	if broken := checkLogs(logs, told("clients: accepted a "+messages.CallIDFrom(id("a")).String())); len(broken) != 1 || broken[0].Promise != promiseRecords {
		t.Errorf("a call that was accepted and is gone: found %v", broken)
	}
}

func TestTriesAreCounted(t *testing.T) {
	logs := smallLog(t)
	r, _ := replay(1, logs[1], nil)
	if broken := checkRecords([]*replayed{r}, nil); len(broken) > 0 {
		t.Fatal(broken)
	}
	c := &messages.Call{Id: id("a"), Tries: 3, Attempt: 3}
	if why := overtried(c, 1); why == "" {
		t.Error("three tries of a call that is retried once")
	}
	c = &messages.Call{Id: id("a"), Tries: 1, Crashes: messages.MaxCrashes + 1, Attempt: 9}
	if why := overtried(c, 1); why == "" {
		t.Error("more crashes than are allowed")
	}
	c = &messages.Call{Id: id("a"), Tries: 2, Attempt: 1}
	if why := overtried(c, 1); why == "" {
		t.Error("more tries than attempts")
	}
}
