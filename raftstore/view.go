package raftstore

import (
	"iter"
	"slices"
)

// view is a group's state at the end of an entry. It does not change.
type view struct {
	of      *state
	at      record
	members []byte
	pages   []*page // the latest last; the first may be nil
	base    *base
}

// view gives the state as it is now, to be closed after use; nil: there is none,
// since it is being replaced, or is closed.
func (s *state) view() *view {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.base == nil {
		return nil
	}
	s.base.users++
	s.open = append(s.open, s.record.applied)
	return &view{of: s, at: s.record, members: s.members, pages: []*page{s.before, s.now}, base: s.base}
}

func (v *view) close() {
	v.of.mu.Lock()
	i := slices.Index(v.of.open, v.at.applied)
	v.of.open = slices.Delete(v.of.open, i, i+1)
	v.of.mu.Unlock()
	v.base.Rest()
	v.of.release(v.base)
}

func (v *view) Get(key []byte) ([]byte, bool) {
	for _, p := range slices.Backward(v.pages) {
		if p == nil {
			continue
		}
		if found := p.at(key, v.at.applied); found != nil {
			return found.value, !found.gone
		}
	}
	return StateOf(v.base, v.of.group).Get(key)
}

func (v *view) Scan(from, to []byte) iter.Seq2[[]byte, []byte] {
	return scan(v.base, v.of.group, v.pages, v.at.applied, from, to, false)
}

func (v *view) ScanBack(from, to []byte) iter.Seq2[[]byte, []byte] {
	return scan(v.base, v.of.group, v.pages, v.at.applied, from, to, true)
}
