package sim

import (
	"bytes"
	"math/rand/v2"
	"slices"
)

// change is a write, or a truncation, since a file's last sync, and what undoes
// it.
type change struct {
	size   int    // of the file before it
	at     int    // where it wrote
	old    []byte // what was there
	new    int    // how many bytes it wrote
	to     int    // what a truncation made the size; -1: it is a write
	doomed bool   // a sync of it failed: no other will bring it to the disk
	inner  bool   // doomed, and what was written later is on the disk
}

func (i *inode) write(at int, b []byte) {
	old := append([]byte(nil), i.data[min(at, len(i.data)):min(at+len(b), len(i.data))]...)
	i.pending = append(i.pending, change{size: len(i.data), at: at, old: old, new: len(b), to: -1})
	if end := at + len(b); end > len(i.data) {
		i.resize(end)
	}
	copy(i.data[at:], b)
}

func (i *inode) truncate(size int) {
	at := min(size, len(i.data))
	i.pending = append(i.pending, change{size: len(i.data), at: at, old: append([]byte(nil), i.data[at:]...), to: size})
	i.resize(size)
}

// sync makes durable what can still become so: what was doomed, only if it has
// been written again.
func (i *inode) sync(now int64) {
	var lost []change
	for _, c := range i.pending {
		if c.doomed && !(c.to < 0 && slices.ContainsFunc(i.pending, c.writtenAgain)) {
			c.inner = true
			lost = append(lost, c)
		}
	}
	i.pending = lost
	i.grow(len(i.data), now)
}

// writtenAgain says whether another write, which is about to be durable, covers a
// doomed one. What is doomed was written before.
func (c change) writtenAgain(by change) bool {
	return !by.doomed && by.to < 0 && by.at <= c.at && c.at+c.new <= by.at+by.new
}

// crash loses what was not synced.
func (d *disk) crash(rng *rand.Rand) {
	for _, name := range d.names() {
		if i := d.inodes[name]; len(i.pending) > 0 {
			i.lose(rng)
		}
	}
}

// suffixOneIn is how often a crash loses the last writes only: in between, disks
// write as they like.
const suffixOneIn = 3

// lose takes all unsynced writes back, and makes some of them again: any of them,
// in whole or torn.
func (i *inode) lose(rng *rand.Rand) {
	changes, written := i.pending, make([][]byte, len(i.pending))
	for n, c := range slices.Backward(changes) {
		written[n] = i.undo(c)
	}
	i.pending = nil
	keep := rng.IntN(len(changes) + 1)
	ordered := rng.IntN(suffixOneIn) == 0
	for n, c := range changes {
		switch b := written[n]; {
		case c.doomed:
		case ordered && n < keep, !ordered && rng.IntN(2) == 0:
			i.redo(c, b)
		case ordered && n == keep, !ordered && rng.IntN(2) == 0:
			i.redo(c, torn(rng, b, i.data[min(c.at, len(i.data)):]))
		}
	}
}

// undo takes a change back, and gives what it had written.
func (i *inode) undo(c change) []byte {
	written := bytes.Clone(i.data[min(c.at, len(i.data)):min(c.at+c.new, len(i.data))])
	if c.inner {
		clear(i.data[min(c.at, len(i.data)):min(c.at+c.new, len(i.data))])
	} else {
		i.resize(c.size)
	}
	copy(i.data[min(c.at, len(i.data)):], c.old)
	return written
}

func (i *inode) redo(c change, b []byte) {
	if c.to >= 0 {
		i.resize(c.to)
		return
	}
	i.resize(max(len(i.data), c.at+len(b)))
	copy(i.data[c.at:], b)
}

// sector is what a disk writes as one.
const sector = 512

// torn gives what is there after a write of which only some sectors, or only a
// beginning, reached the disk.
func torn(rng *rand.Rand, b, before []byte) []byte {
	if len(b) == 0 {
		return b
	}
	if len(b) <= sector {
		return b[:rng.IntN(len(b)+1)]
	}
	out := make([]byte, len(b))
	copy(out, before)
	for at := 0; at < len(b); at += sector {
		if rng.IntN(2) == 0 {
			copy(out[at:], b[at:min(at+sector, len(b))])
		}
	}
	return out
}
