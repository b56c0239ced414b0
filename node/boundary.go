package node

import (
	"net"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/elasticcode/flow/actors"
	"github.com/elasticcode/flow/api"
	"github.com/elasticcode/flow/cluster/peer"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
)

// boundary is where the world begins: what a simulated world has a twin of.
// boundary_real.go or boundary_sim.go fills it in, by what the node is built
// for; nothing else of the node differs between the two worlds.
type boundary struct {
	network peer.Network
	listen  func(address string) (net.Listener, error) // for the API
	gossip  memberlist.NodeAwareTransport              // nil: memberlist's own, on UDP and TCP
	kv      raftstore.KV
	logs    raftstore.Logs
	now     func() time.Time
	disk    func() (free, total uint64)
	// watch lets the world see what is applied to a group; nil: it does not look.
	watch func(*raftstore.Group, raftstore.Observer) raftstore.Observer
	// tell lets the world see what a group's log says; nil: it does not look.
	tell func(messages.GroupID, raftstore.Machine) raftstore.Machine
}

// code is where functions come from, and what runs them.
type code struct {
	source  codeSource
	workers workers
	close   func() error
}

// codeSource reads repositories, for the API and for the workers.
type codeSource interface {
	api.Source
	actors.Environments
}

// maxReserve is kept free on a disk for calls that have been accepted: for their
// results, and for moving state about.
const maxReserve = 256 << 20

// reserve is what a node keeps free on its disk: on a small one a tenth of it.
func (b boundary) reserve() uint64 {
	_, total := b.disk()
	return min(maxReserve, total/10)
}

// free is how many bytes are free on the node's disk.
func (b boundary) free() uint64 {
	free, _ := b.disk()
	return free
}
