package node

import (
	"strings"
	"testing"

	"github.com/elasticcode/flow/cluster/gossip"
	"github.com/elasticcode/flow/messages"
)

func TestANodeWhoseNameIsTakenSaysSo(t *testing.T) {
	member := func(id, name string, alive bool) gossip.Member {
		return gossip.Member{Info: &messages.NodeInfo{Id: id, Name: name}, Alive: alive}
	}
	for what, c := range map[string]struct {
		others []gossip.Member
		taken  bool
	}{
		"alone":                      {nil, false},
		"others have other names":    {[]gossip.Member{member("2", "a", true)}, false},
		"one that lives has it":      {[]gossip.Member{member("2", "a", true), member("3", "b", true)}, true},
		"one that is down had it":    {[]gossip.Member{member("3", "b", false)}, false},
		"its own entry in the table": {[]gossip.Member{member("1", "b", true)}, false},
	} {
		why := noReplica("b", "1", c.others)
		if taken := strings.Contains(why, "the name b is taken by node 3"); taken != c.taken {
			t.Errorf("%s: %q", what, why)
		}
	}
}
