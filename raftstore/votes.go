package raftstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"

	"github.com/elasticcode/flow/plant"
)

// votes is the stable store as raft sees it. Raft writes a vote in two steps,
// first the term, then the candidate; a crash in between leaves the old
// candidate with the new term, who would then be voted for without a look at
// its log. Here both are written as one. Each value has a checksum: one flipped
// bit of a vote could elect two leaders.
type votes struct {
	guard *guard
	store StableStore
	term  uint64 // told, not written yet; raft's main goroutine only
}

const (
	voteTermKey = "LastVoteTerm"
	voteCandKey = "LastVoteCand"
)

var voteKey = []byte("flow.vote") // term(8) candidate

// isNotFound knows the error by which stable stores say that a key is missing;
// raft itself compares the text.
func isNotFound(err error) bool { return err != nil && err.Error() == "not found" }

var errNotFound = errors.New("not found")

func (v *votes) vote() (term uint64, candidate []byte, err error) {
	b, err := v.get(voteKey)
	if err != nil {
		return 0, nil, err
	}
	if len(b) < 8 {
		return 0, nil, errNotFound
	}
	return binary.BigEndian.Uint64(b), b[8:], nil
}

func (v *votes) get(key []byte) (b []byte, err error) {
	err = v.guard.do("read stable store", func() error {
		if b, err = v.store.Get(key); err == nil {
			b, err = unsealValue(key, b)
		}
		return err
	})
	return b, err
}

func (v *votes) Get(key []byte) ([]byte, error) {
	if string(key) == voteCandKey {
		_, candidate, err := v.vote()
		return candidate, err
	}
	return v.get(key)
}

func (v *votes) GetUint64(key []byte) (uint64, error) {
	if string(key) == voteTermKey {
		term, _, err := v.vote()
		return term, err
	}
	b, err := v.get(key)
	if err != nil {
		return 0, err
	}
	if len(b) != 8 {
		return 0, v.guard.breaks(fmt.Errorf("read %s of stable store: %d bytes: %w", key, len(b), ErrCorrupt))
	}
	return binary.BigEndian.Uint64(b), nil
}

func (v *votes) Set(key, value []byte) error {
	if string(key) == voteCandKey && plant.On(plant.ForgetVote) {
		return nil
	}
	if string(key) == voteCandKey {
		key, value = voteKey, append(binary.BigEndian.AppendUint64(nil, v.term), value...)
	}
	return v.guard.do("write stable store", func() error { return v.store.Set(key, sealValue(key, value)) })
}

func (v *votes) SetUint64(key []byte, n uint64) error {
	if string(key) == voteTermKey {
		v.term = n
		return nil
	}
	err := v.Set(key, binary.BigEndian.AppendUint64(nil, n))
	if err != nil && inLoop() {
		runtime.Goexit()
	}
	return err
}
