package flow

import (
	"strings"
	"testing"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// testLevel is the highest feature level that machines of the tests support.
const testLevel = 3

func TestALevelThatIsNotSupportedStopsTheReplica(t *testing.T) {
	c, err := messages.NewCommand(&messages.SetFeatureLevel{Level: 2})
	if err != nil {
		t.Fatal(err)
	}
	for supports, stops := range map[uint32]bool{0: true, 1: true, 2: false, 3: false} {
		state := kv.NewMap()
		_, err := (&Machine{Group: partitionOfTests, Supports: supports}).Apply(state, 1, 1, c)
		if (err != nil) != stops || stops && !strings.Contains(err.Error(), "start a newer one") {
			t.Errorf("a build that supports level %d: %v", supports, err)
		}
		if !stops && Count(state, "").FeatureLevel != 2 {
			t.Errorf("the partition is at level %d", Count(state, "").FeatureLevel)
		}
	}
}

func TestALevelNeverFalls(t *testing.T) {
	w := newWorld(t)
	w.do(&messages.SetFeatureLevel{Level: 2})
	w.do(&messages.SetFeatureLevel{Level: 1})
	if level := Count(w.state, "").FeatureLevel; level != 2 {
		t.Errorf("the partition is at level %d", level)
	}
}
