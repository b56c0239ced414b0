package call

import (
	"testing"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/wire/wiretest"
)

func TestACallIsEncodedAsProtobufDoes(t *testing.T) {
	wiretest.Encodes(t, func(c *messages.Call) []byte { return appendCall(nil, c, false) })
}

func TestTheStateOfARecordIsReadAlone(t *testing.T) {
	for n := range messages.CallState_name {
		if n == 0 {
			continue // no record has none
		}
		r := &Record{Call: &messages.Call{Id: make([]byte, 16), Socket: "socket", Name: "name", State: messages.CallState(n), Owner: "ada"}, Block: 300, Expires: 1 << 50}
		if got := stateOf(appendRecord(nil, r)); got != r.State {
			t.Errorf("a record that is %v is read as %v", r.State, got)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	r := &Record{Call: &messages.Call{Id: make([]byte, 16), Socket: "0193a1b2-c3d4-7abc-9def-0123456789ac", Name: "pyfi.processors.sample.do_something",
		State: messages.CallState_FINISHED, Owner: "ada", Received: 1 << 50, Started: 1 << 50, Finished: 1 << 50, Lastupdated: 1 << 50,
		Tracking: make([]byte, 16), Attempt: 1, Seq: 1 << 20, Content: make([]byte, 16), Commit: "c1", Node: "node-a", HasResult: true, Size: 36,
		Events: []*messages.Event{{Name: Received, Time: 1 << 50}, {Name: Prerun, Time: 1 << 50, Attempt: 1, Node: "node-a"},
			{Name: Postrun, Time: 1 << 50, Attempt: 1, Node: "node-a", Note: "ran 9µs"}}}, short: make([]byte, 40)}
	b.ReportAllocs()
	for b.Loop() {
		appendRecord(nil, r)
	}
}
