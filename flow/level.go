package flow

import (
	"fmt"

	"github.com/elasticcode/flow/messages"
)

// setFeatureLevel takes over what the network may make use of from now on. A build
// that does not support it must stop: what follows in the log may be nothing that
// it knows.
func (s *step) setFeatureLevel(c *messages.SetFeatureLevel) (*messages.Reply, error) {
	if c.Level > s.supports {
		return nil, fmt.Errorf("the network is at feature level %d, and this build supports levels up to %d: start a newer one", c.Level, s.supports)
	}
	s.partition.level = max(s.partition.level, c.Level)
	return &messages.Reply{}, nil
}
