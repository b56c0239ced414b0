package messages

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// Bounds of texts that are put in the place of functions.
const (
	MaxCode      = 64 << 10 // bytes of one
	MaxOverrides = 16       // of one processor
)

// pinned is how many hexadecimal digits of a hash tell overrides apart.
const pinned = 12

// PinnedCommit is the name of a commit with functions put in the place of its
// own: COMMIT+HASH. What runs is known by it wherever a commit is known: workers,
// leases, calls, an update that rolls over.
func PinnedCommit(commit string, overrides []*Override) string {
	if len(overrides) == 0 {
		return commit
	}
	h := sha256.New()
	for _, o := range overrides {
		for _, text := range []string{o.GetFunction(), o.GetCode()} {
			h.Write(binary.AppendUvarint(nil, uint64(len(text))))
			h.Write([]byte(text))
		}
	}
	return commit + "+" + hex.EncodeToString(h.Sum(nil))[:pinned]
}

// RepositoryCommit is the commit in the repository that a pinned commit is of.
func RepositoryCommit(name string) string {
	commit, _, _ := strings.Cut(name, "+")
	return commit
}
