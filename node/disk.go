package node

import "github.com/elasticcode/flow/messages"

// diskRoom judges whether a disk is short of room.
type diskRoom struct {
	reserve uint64
	short   bool
}

// look takes in how much is free. A disk that was short has room again when a
// quarter more than the reserve is free: what is told of it goes to the model,
// which is not to follow each block.
func (d *diskRoom) look(free uint64) (short bool) {
	limit := d.reserve
	if d.short {
		limit += d.reserve / 4
	}
	d.short = free < limit
	return d.short
}

// heedDisk looks at the disk, and says whether it is short.
func (n *Node) heedDisk(d *diskRoom) bool {
	before := d.short
	now := d.look(n.boundary.free())
	switch {
	case now && !before:
		n.log.Warn("the disk is short: most voters of a group must have more room, or it takes no new calls", "reserve", d.reserve, "remedy", "make room on the disk of "+n.place.path)
	case before && !now:
		n.log.Info("the disk has room again")
	}
	return now
}

// trouble is what the others are told to be wrong with this node.
func trouble(clock string, diskShort bool) string {
	switch {
	case !diskShort:
		return clock
	case clock == "":
		return "its disk is short of room"
	}
	return "its disk is short of room; " + clock
}

// roomAt says whether another node lives, and whether it told that its disk is
// short.
func (n *Node) roomAt(id messages.NodeID) (lives, short bool) {
	for _, m := range n.gossip.Members() {
		if m.Info.GetId() == string(id) {
			return m.Alive, m.Info.GetDiskShort()
		}
	}
	return false, false
}
