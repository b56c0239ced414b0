package call

import (
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/wire/wiretest"
)

// TestWhatIsReadToDropIsWhatTheRecordSays fills calls at random, and reads them in both ways.
func TestWhatIsReadToDropIsWhatTheRecordSays(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	fields := new(messages.Call).ProtoReflect().Descriptor().Fields()
	for range 2000 {
		c := new(messages.Call)
		for i := range fields.Len() {
			if rng.IntN(2) == 0 {
				wiretest.Fill(c.ProtoReflect(), fields.Get(i), rng)
			}
		}
		rec := &Record{Call: c, Block: rng.Uint64N(3), Expires: int64(rng.IntN(1000)), short: c.Result}
		value := appendRecord(nil, rec)
		all, got := decodeRecord(value), decodeToDrop(value)
		want := &messages.Call{Id: all.Id, State: all.State, Finished: all.Finished, Tracking: all.Tracking, Attempt: all.Attempt, Seq: all.Seq,
			Content: all.Content, HasResult: all.HasResult, Size: all.Size, HasOutput: all.HasOutput, Arrivals: all.Arrivals, Large: all.Large, HasLog: all.HasLog}
		if !proto.Equal(got.Call, want) || got.Block != all.Block || got.Expires != all.Expires || string(got.short) != string(all.short) || (got.short == nil) != (all.short == nil) {
			t.Fatalf("read was\n%v, want\n%v", got, want)
		}
	}
}
