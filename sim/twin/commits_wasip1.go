package twin

import (
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
)

// Tell tells the host what a group's log says, entry by entry, with the time at
// which each is applied.
func Tell(group messages.GroupID, m raftstore.Machine) raftstore.Machine {
	return told{m, func(index uint64, entry []byte) {
		hostEntry(uint32(group), uint32(index), pointer(entry), uint32(len(entry)))
	}}
}
