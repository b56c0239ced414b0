package cluster

import (
	"testing"

	"github.com/elasticcode/flow/cluster/peer"
)

// onceOnly takes handlers, and fails on a kind that has one.
type onceOnly struct {
	t     *testing.T
	taken map[peer.Kind]bool
}

func (o onceOnly) Handle(kind peer.Kind, _ peer.Handler)          { o.take(kind) }
func (o onceOnly) HandleTogether(kind peer.Kind, _ peer.Together) { o.take(kind) }

func (o onceOnly) take(kind peer.Kind) {
	if o.taken[kind] || kind >= FirstFreeKind {
		o.t.Errorf("requests of kind %d have two handlers, or are not the router's", kind)
	}
	o.taken[kind] = true
}

func TestEachKindOfRequestHasOneHandler(t *testing.T) {
	NewRouter(RouterConfig{}).RegisterHandlers(onceOnly{t, map[peer.Kind]bool{}})
}
