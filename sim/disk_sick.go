package sim

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// sickness is what is wrong with a disk. The zero value is a good one.
type sickness struct {
	dead     bool  // every operation below dataDir fails
	badSyncs int   // so many syncs fail; what they should have written never gets there, whatever later ones say
	lag      int64 // how long a sync takes, in ns
	full     bool  // less is free than nodes keep in reserve
}

// dataDir is what a disk is for. The rest, as the program itself, is elsewhere.
const dataDir = "data"

// fails says whether an operation on a file fails.
func (d *disk) fails(name string) bool { return d.dead && strings.HasPrefix(name, dataDir+"/") }

// failsToSync fails a sync that is to fail, and dooms what it should have
// written: the system takes it to be on the disk from now on.
func (d *disk) failsToSync(i *inode) bool {
	if d.badSyncs == 0 || len(i.pending) == 0 {
		return false
	}
	d.badSyncs--
	for n := range i.pending {
		i.pending[n].doomed = true
	}
	return true
}

// doomed says whether the disk lacks what no sync will write any more.
func (d *disk) doomed() bool {
	for _, i := range d.inodes {
		if slices.ContainsFunc(i.pending, func(c change) bool { return c.doomed }) {
			return true
		}
	}
	return false
}

// aging tells how much of a file was synced some time ago.
type aging struct {
	since int64 // when size was synced
	size  int
	old   int // what was synced oldAge before that, at least
}

// oldAge is how long ago data was written, at least, that rots: the high-water
// mark of a log lags up to a second behind, and what is lost above it looks like
// a torn write.
const oldAge = 3 * time.Second

func (a *aging) grow(size int, now int64) {
	if now-a.since >= int64(oldAge) {
		a.old, a.size, a.since = min(a.size, size), size, now
	}
	a.old = min(a.old, size)
}

// rots are the files that hold something old.
func (d *disk) rots() (names []string) {
	for _, name := range d.names() {
		if i := d.inodes[name]; strings.HasPrefix(name, dataDir+"/") && !i.dir && i.rotten() > 0 {
			names = append(names, name)
		}
	}
	return names
}

// rotten is how much of a file may rot: all that is old.
func (i *inode) rotten() int { return min(i.old, len(i.data)) }

// Ways in which old data becomes other data.
const (
	rotBit       = iota // one bit is another
	rotMisplaced        // a write that belongs elsewhere hit it
	rotErased           // a sector is zeros
	rotWays
)

// rot damages one file, and names it; empty: there is none that is old.
func (d *disk) rot(rng *rand.Rand, way int) string {
	names := d.rots()
	if len(names) == 0 {
		return ""
	}
	name := names[rng.IntN(len(names))]
	i := d.inodes[name]
	at := rng.IntN(i.rotten())
	switch way {
	case rotBit:
		i.data[at] ^= 1 << rng.IntN(8)
	case rotMisplaced:
		other := d.inodes[names[rng.IntN(len(names))]].data
		from := rng.IntN(len(other))
		copy(i.data[at:i.rotten()], other[from:min(from+sector, len(other))])
	case rotErased:
		clear(i.data[at:min(at+sector, i.rotten())])
	}
	return name
}

// wipe takes everything away.
func (d *disk) wipe() {
	fresh := newDisk()
	d.inodes, d.last = fresh.inodes, fresh.last
}
