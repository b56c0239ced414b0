package flow

import (
	"fmt"
	"sort"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/mailbox"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/kv"
)

// meaning gives a state as lines that do not tell in how many rows its calls are
// kept: that depends on how commands were packed into entries.
func meaning(t testing.TB, view kv.View) []string {
	t.Helper()
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for s := range call.Ascend(view, 0) {
		for seq := s.First; seq <= s.Last; seq++ {
			rec := call.At(view, call.Place{Seq: seq, Block: s.Block})
			rec.Arguments = call.Arguments(view, rec)
			call.Fill(view, rec)
			text, err := proto.MarshalOptions{Deterministic: true}.Marshal(rec.Call)
			if err != nil {
				t.Fatal(err)
			}
			place, ok := call.Find(view, rec.ID())
			say("call %d expires %d: %q; its id leads to %d of %d, %v", seq, rec.Expires, text, place.Seq, place.Batch(), ok)
		}
	}
	for _, k := range socket.All(view) {
		k.Box = mailbox.Box{Calls: k.Box.Calls} // where its first span begins follows from the spans
		say("%s %+v", k.ID, *k)
		for _, class := range roll.Classes()[1:] {
			for s := range roll.Ascend(view, k.Number, class, 0) {
				say("%s class %d: %d to %d", k.ID, class, s.First, s.Last)
			}
		}
	}
	for k, v := range view.Scan(nil, nil) {
		switch prefix, _, _ := strings.Cut(string(k), "/"); prefix {
		case "c", "d", "D", "a", "b", "e", "h":
		case "l":
			if class := roll.Class(k[6]); class != roll.Open {
				continue // read below
			}
			fallthrough
		case "m", "y":
			s := span.Read(k, v)
			for seq := s.First; seq <= s.Last; seq++ {
				say("%x %d", k[:len(k)-8], seq)
			}
		default:
			if !strings.HasPrefix(string(k), "R/b/") {
				say("%x %x", k, v)
			}
		}
	}
	sort.Strings(lines)
	return lines
}

// sameMeaning holds two states to hold the same calls.
func sameMeaning(t testing.TB, a, b kv.View) {
	t.Helper()
	one, other := meaning(t, a), meaning(t, b)
	for i := range max(len(one), len(other)) {
		if i >= len(one) || i >= len(other) || one[i] != other[i] {
			t.Fatalf("the states differ:\n%v\n%v", one[i:min(i+1, len(one))], other[i:min(i+1, len(other))])
		}
	}
}
