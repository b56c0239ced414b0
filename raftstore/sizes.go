package raftstore

import (
	"sync"

	"github.com/hashicorp/raft"
)

// sizes remembers roughly how many bytes lie between the log's end and an
// earlier entry, because raft counts the log it keeps in entries and a disk
// counts it in bytes.
type sizes struct {
	mu    sync.Mutex
	bytes int64 // appended since the process started
	last  uint64
	seen  []sample // one per step, oldest first
}

type sample struct {
	index  uint64
	before int64 // bytes appended before this entry
}

const (
	sizeStep   = 1 << 20
	maxSamples = 4096
)

func (s *sizes) add(logs []*raft.Log) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range logs {
		if n := len(s.seen); n == 0 || s.bytes-s.seen[n-1].before >= sizeStep {
			s.seen = append(s.seen, sample{l.Index, s.bytes})
		}
		s.bytes += cost(l)
		s.last = l.Index
	}
	if len(s.seen) > maxSamples {
		s.seen = s.seen[len(s.seen)-maxSamples:]
	}
}

// cut forgets what was measured above the log's new end.
func (s *sizes) cut(end uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.seen)
	for n > 0 && s.seen[n-1].index > end {
		n--
	}
	s.seen = s.seen[:n]
	s.last = min(s.last, end)
}

// entries is how many of the last entries hold at most so many bytes. Entries
// from before the process started are not known and count as too many.
func (s *sizes) entries(limit int64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.seen {
		if s.bytes-at.before <= limit {
			return s.last - at.index + 1
		}
	}
	return 0
}
