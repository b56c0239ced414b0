package sim

import "github.com/tetratelabs/wazero/api"

// What disks have room for, in bytes.
const (
	roomUsually = 1 << 40
	roomShort   = 1 << 20
)

// diskFunctions are what a guest asks its disk besides what WASI has.
var diskFunctions = []function{
	{"lag", 0, []api.ValueType{i64}, hostLag},
	{"room", 0, []api.ValueType{i64}, hostRoom},
}

// hostLag says how long a sync takes: the guest waits, and does other things
// meanwhile, which it could not while the host waits.
func hostLag(m *machine, _ api.Memory, stack []uint64) { stack[0] = uint64(m.disk.lag) }

func hostRoom(m *machine, _ api.Memory, stack []uint64) {
	stack[0] = roomUsually
	if m.disk.full {
		stack[0] = roomShort
	}
}
