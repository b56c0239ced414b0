package messages

import (
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages/wire/wiretest"
)

// TestNoCallTakesMoreThanItsWeight fills fields of calls, by what protobuf knows of
// them: one that is new and may be large shows.
func TestNoCallTakesMoreThanItsWeight(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	fields := new(Call).ProtoReflect().Descriptor().Fields()
	for range 2000 {
		c := new(Call)
		for i := range fields.Len() {
			if rng.IntN(2) == 0 {
				wiretest.Fill(c.ProtoReflect(), fields.Get(i), rng)
			}
		}
		for _, id := range []*[]byte{&c.Id, &c.Tracking, &c.Parent, &c.Taskparent, &c.Flowparent, &c.Joined} {
			*id = (*id)[:min(len(*id), len(CallID{}))]
		}
		for _, ids := range [][][]byte{c.Parents, c.Arrivals} {
			for i := range ids {
				ids[i] = ids[i][:min(len(ids[i]), len(CallID{}))]
			}
		}
		if size := proto.Size(c); size > c.Weight() {
			t.Fatalf("%v takes %d bytes, and its weight is %d", c, size, c.Weight())
		}
	}
}
