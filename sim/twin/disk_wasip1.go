package twin

import "time"

// diskSize is what every disk has in all, in bytes.
const diskSize = 1 << 41

// Room gives the free and the total bytes of the machine's disk.
func Room() (free, total uint64) { return hostRoom(), diskSize }

// linger waits for as long as a sync takes.
func linger() {
	if lag := hostLag(); lag > 0 {
		time.Sleep(time.Duration(lag))
	}
}
