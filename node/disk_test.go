package node

import "testing"

func TestDiskIsShortUntilItHasMoreThanTheReserve(t *testing.T) {
	d := diskRoom{reserve: 100}
	for _, c := range []struct {
		free  uint64
		short bool
	}{{101, false}, {100, false}, {99, true}, {101, true}, {124, true}, {125, false}, {101, false}, {0, true}} {
		if got := d.look(c.free); got != c.short {
			t.Errorf("with %d free it is short: %t", c.free, got)
		}
	}
}
