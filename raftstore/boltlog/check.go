package boltlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"

	"github.com/elasticcode/flow/raftstore"
)

// check walks the pages of a file as bbolt does when it opens one and rebuilds
// its list of free pages. Bbolt does so on a goroutine of its own that answers
// damage with a panic, which nobody can catch: the node would end without a word
// of what is wrong.
func check(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	c := checker{file: f, size: os.Getpagesize(), seen: map[uint64]bool{}}
	root, err := c.meta()
	if err == nil {
		err = c.walk(root, 0)
	}
	if err != nil {
		return fmt.Errorf("check %s: %w", path, err)
	}
	return nil
}

type checker struct {
	file  *os.File
	size  int    // of a page
	pages uint64 // in use, of the file
	seen  map[uint64]bool
}

// Bbolt's format, version 2.
const (
	pageHeader   = 16 // id(8) flags(2) count(2) overflow(4)
	element      = 16 // of a branch: pos(4) ksize(4) page(8); of a leaf: flags(4) pos(4) ksize(4) vsize(4)
	branchPage   = 0x01
	leafPage     = 0x02
	bucketFlag   = 0x01
	bucketHeader = 16 // root(8) sequence(8)
	metaLength   = 64 // with its checksum in the last 8
	maxDepth     = 64
)

func damaged(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, raftstore.ErrCorrupt)...)
}

// meta reads the newer of the two meta pages that are whole, and gives the page
// of the root bucket.
func (c *checker) meta() (root uint64, err error) {
	found, newest := false, uint64(0)
	for i := range 2 {
		b := make([]byte, metaLength)
		if _, err := c.file.ReadAt(b, int64(i*c.size+pageHeader)); err != nil {
			if errors.Is(err, io.EOF) {
				continue
			}
			return 0, err
		}
		sum := fnv.New64a()
		sum.Write(b[:metaLength-8])
		if sum.Sum64() != binary.NativeEndian.Uint64(b[metaLength-8:]) {
			continue
		}
		c.size = int(binary.NativeEndian.Uint32(b[8:])) // as it was made
		if at := binary.NativeEndian.Uint64(b[48:]); !found || at > newest {
			found, newest = true, at
			root, c.pages = binary.NativeEndian.Uint64(b[16:]), binary.NativeEndian.Uint64(b[40:])
		}
	}
	if !found {
		return 0, damaged("no whole meta page")
	}
	return root, nil
}

func (c *checker) walk(id uint64, depth int) error {
	b, err := c.page(id)
	if err != nil {
		return err
	}
	count := int(binary.NativeEndian.Uint16(b[10:]))
	if pageHeader+count*element > len(b) || depth > maxDepth {
		return damaged("page %d has %d elements at depth %d", id, count, depth)
	}
	flags := binary.NativeEndian.Uint16(b[8:])
	for i := range count {
		at := pageHeader + i*element
		switch flags {
		case branchPage:
			err = c.walk(binary.NativeEndian.Uint64(b[at+8:]), depth+1)
		case leafPage:
			err = c.leaf(b, at, depth)
		}
		if err != nil {
			return err
		}
	}
	if flags != branchPage && flags != leafPage {
		return damaged("page %d is of kind %#x", id, flags)
	}
	return nil
}

// leaf checks one element of a leaf page, and goes into it if it is a bucket.
func (c *checker) leaf(b []byte, at, depth int) error {
	field := func(i int) uint64 { return uint64(binary.NativeEndian.Uint32(b[at+4*i:])) }
	value := uint64(at) + field(1) + field(2)
	if value+field(3) > uint64(len(b)) {
		return damaged("an element goes past its page")
	}
	if field(0)&bucketFlag == 0 {
		return nil
	}
	if field(3) < bucketHeader {
		return damaged("a bucket of %d bytes", field(3))
	}
	if root := binary.NativeEndian.Uint64(b[value:]); root != 0 { // else it lies in the value itself
		return c.walk(root, depth+1)
	}
	return nil
}

// page reads a page with what it flows over to.
func (c *checker) page(id uint64) ([]byte, error) {
	b := make([]byte, c.size)
	if id < 2 || id >= c.pages {
		return nil, damaged("page %d of %d", id, c.pages)
	}
	if _, err := c.file.ReadAt(b, int64(id)*int64(c.size)); err != nil {
		return nil, shorter(err, id)
	}
	over := uint64(binary.NativeEndian.Uint32(b[12:]))
	if got := binary.NativeEndian.Uint64(b); got != id || id+over >= c.pages {
		return nil, damaged("page %d calls itself %d and has %d more", id, got, over)
	}
	for i := id; i <= id+over; i++ {
		if c.seen[i] {
			return nil, damaged("page %d is used twice", i)
		}
		c.seen[i] = true
	}
	if over > 0 {
		b = append(b, make([]byte, over*uint64(c.size))...)
		if _, err := c.file.ReadAt(b, int64(id)*int64(c.size)); err != nil {
			return nil, shorter(err, id)
		}
	}
	return b, nil
}

func shorter(err error, id uint64) error {
	if errors.Is(err, io.EOF) {
		return damaged("the file ends before page %d does", id)
	}
	return err
}
