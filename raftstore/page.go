package raftstore

import (
	"iter"
	"sync"
	"sync/atomic"

	"github.com/google/btree"

	"github.com/elasticcode/flow/kv"
)

// page holds what a group's entries have changed, until it is written to the
// store as one batch, and what they have read meanwhile. A key is in it once,
// however often it changes. One goroutine writes to a page, at first; then it
// changes no more. Any number read.
type page struct {
	mu    sync.RWMutex // held to add a key, and by readers that look one up
	items map[string]*item
	order *btree.BTreeG[*item] // those that were written

	bytes int   // about what it takes in memory
	log   int64 // bytes of the entries it has in it

	done chan struct{} // closed when it is in the store
	err  error         // why it is not; read after done
}

// item is a key of a page, with the versions that somebody may read: the newest,
// while an entry is applied the one before it, and those that open views stand at.
type item struct {
	key     string
	now     atomic.Pointer[version]
	ordered bool
	absent  bool // known not to be in the store below
	first   version
}

// version is a value, or that there is none. Its writer alone reads value and
// gone until the entry that it is of has been applied.
type version struct {
	at     uint64 // index of the entry that wrote it; 0: read from the store
	value  []byte
	gone   bool
	before atomic.Pointer[version]
}

const (
	itemBytes  = 200     // of a key, beside key and value
	maxRead    = 8 << 10 // larger values that were read are not kept
	pageDegree = 32
)

func newPage() *page {
	return &page{
		items: make(map[string]*item), done: make(chan struct{}),
		order: btree.NewG(pageDegree, func(a, b *item) bool { return a.key < b.key }),
	}
}

// newest gives what the writer sees of a key; nil: the page does not know.
func (p *page) newest(key []byte) *version {
	if it := p.items[string(key)]; it != nil {
		return it.now.Load()
	}
	return nil
}

// at gives what a key was at an index; nil: the page does not know.
func (p *page) at(key []byte, index uint64) *version {
	p.mu.RLock()
	it := p.items[string(key)]
	p.mu.RUnlock()
	if it == nil {
		return nil
	}
	return it.at(index)
}

func (it *item) at(index uint64) *version {
	v := it.now.Load()
	for v != nil && v.at > index {
		v = v.before.Load()
	}
	return v
}

// keep notes what the store holds of a key that the page does not know.
func (p *page) keep(key, value []byte, ok bool) {
	if len(value) <= maxRead {
		p.add(key, 0, value, !ok, !ok)
	}
}

func (p *page) add(key []byte, index uint64, value []byte, gone, absent bool) *item {
	it := &item{key: string(key), absent: absent, ordered: index > 0}
	it.first.at, it.first.value, it.first.gone = index, value, gone
	it.now.Store(&it.first)
	p.bytes += len(key) + len(value) + itemBytes
	p.mu.Lock()
	p.items[it.key] = it
	if it.ordered {
		p.order.ReplaceOrInsert(it)
	}
	p.mu.Unlock()
	return it
}

// write changes a key in an entry, and gives its item if the entry has not
// changed it before. Readers are not shown the value before it is applied.
func (p *page) write(key []byte, index uint64, value []byte, gone bool, absent func() bool) *item {
	it := p.items[string(key)]
	if it == nil {
		return p.add(key, index, value, gone, absent())
	}
	old := it.now.Load()
	p.bytes += len(value) - len(old.value)
	if old.at == index {
		old.value, old.gone = value, gone
		return nil
	}
	v := &version{at: index, value: value, gone: gone}
	v.before.Store(old)
	it.now.Store(v)
	if !it.ordered {
		it.ordered = true
		p.mu.Lock()
		p.order.ReplaceOrInsert(it)
		p.mu.Unlock()
	}
	return it
}

// settle lets go of versions that nobody can read any more: open are the indices
// that views stand at, in ascending order.
func (it *item) settle(open []uint64) {
	for v := it.now.Load(); v != nil; v = v.before.Load() {
		old := v.before.Load()
		for ; old != nil && !between(open, old.at, v.at); old = old.before.Load() {
		}
		v.before.Store(old)
	}
}

// between says whether one of the indices is in [from, to).
func between(indices []uint64, from, to uint64) bool {
	for _, i := range indices {
		if from <= i && i < to {
			return true
		}
	}
	return false
}

// changes gives the keys in [from, to) that the page has changed up to an index,
// deletions included. Each is found by a new seek: keys come between as it goes.
func (p *page) changes(from, to []byte, index uint64, back bool) kv.Cursor {
	c := cursor{page: p, from: string(from), to: string(to), open: to == nil, index: index}
	if back {
		return c.previous
	}
	return c.next
}

type cursor struct {
	page     *page
	from, to string
	open     bool // there is no to
	index    uint64
	last     string // given last
	begun    bool
	found    kv.Write
	ok       bool
}

func (c *cursor) next() (kv.Write, bool) {
	if !c.begun {
		c.last = c.from
	}
	c.ok = false
	c.page.mu.RLock()
	defer c.page.mu.RUnlock()
	c.page.order.AscendGreaterOrEqual(&item{key: c.last}, c.take)
	return c.found, c.ok
}

func (c *cursor) previous() (kv.Write, bool) {
	c.ok = false
	c.page.mu.RLock()
	defer c.page.mu.RUnlock()
	switch {
	case c.begun:
		c.page.order.DescendLessOrEqual(&item{key: c.last}, c.take)
	case c.open:
		c.page.order.Descend(c.take)
	default:
		c.page.order.DescendLessOrEqual(&item{key: c.to}, c.take)
	}
	return c.found, c.ok
}

// take looks at a key, and says whether to look at another.
func (c *cursor) take(it *item) bool {
	switch {
	case c.begun && it.key == c.last:
		return true
	case it.key < c.from:
		return false // going back
	case !c.open && it.key >= c.to:
		return !c.begun && it.key == c.to // where going back begins
	}
	c.last, c.begun = it.key, true
	v := it.at(c.index)
	if v == nil {
		return true
	}
	c.found, c.ok = kv.Write{Key: []byte(it.key), Value: v.value, Delete: v.gone}, true
	return false
}

// writes gives what the page changes in the store. What came and went within it
// is not told to the store, if that is known to have nothing of the key.
func (p *page) writes(prefix []byte) iter.Seq[kv.Write] {
	return func(yield func(kv.Write) bool) {
		keys := make([]byte, 0, p.keyBytes(len(prefix)))
		p.order.Ascend(func(it *item) bool {
			v := it.now.Load()
			if v.gone && it.absent {
				return true
			}
			begin := len(keys)
			keys = append(append(keys, prefix...), it.key...)
			return yield(kv.Write{Key: keys[begin:len(keys):len(keys)], Value: v.value, Delete: v.gone})
		})
	}
}

// keyBytes is how much all keys take with a prefix.
func (p *page) keyBytes(prefix int) (n int) {
	p.order.Ascend(func(it *item) bool { n += prefix + len(it.key); return true })
	return n
}
