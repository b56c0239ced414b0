package messages

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// NodeID names a node's data directory: it is made once with it, and a node
// that comes back with an empty disk has a new one.
type NodeID string

// GroupID names a Raft group. 0 is the meta group, partitions follow.
type GroupID uint32

// Name is what people call the group.
func (g GroupID) Name() string {
	if g == Meta {
		return "the meta group"
	}
	return "partition " + strconv.Itoa(int(g))
}

// Meta is the group that holds the object model.
const Meta GroupID = 0

// MaxPartition is the highest partition that a call id has room for.
const MaxPartition GroupID = 1<<12 - 1

// MaxBatch is the most calls that one batch may hold: the index has 16 bits in
// an id, and one batch must fit one log entry.
const MaxBatch = 4096

// MaxTogether is the most requests, or answers, that one frame of a stream may
// hold.
const MaxTogether = 256

// SessionID is one run of a node's agent: node and boot. Leases belong to it.
type SessionID struct {
	Node NodeID
	Boot uint64
}

func (s SessionID) String() string { return string(s.Node) + "/" + strconv.FormatUint(s.Boot, 10) }

// ParseSession reads what SessionID.String wrote.
func ParseSession(s string) (SessionID, error) {
	node, boot, ok := strings.Cut(s, "/")
	n, err := strconv.ParseUint(boot, 10, 64)
	if !ok || err != nil || node == "" {
		return SessionID{}, fmt.Errorf("parse session %q: want NODE/BOOT", s)
	}
	return SessionID{NodeID(node), n}, nil
}

// CallID names a call in the whole network. It has the form of a UUID:
//
//	48 bits  time in milliseconds (version 7), or hash (version 8)
//	 4 bits  version: 7 when the client's key was a UUIDv7, 8 otherwise
//	12 bits  partition of the call's socket
//	 2 bits  variant
//	46 bits  random bits of the key, or hash
//	16 bits  index in the batch
//
// So any node can route an id, and a batch is one contiguous range of ids.
type CallID [16]byte

// NewCallID derives the id of a call from the client's key alone. The same key
// always gives the same id in a partition.
func NewCallID(key string, partition GroupID, index int) CallID {
	var id CallID
	version := byte(7)
	if u, ok := parseUUID(key); ok && u[6]>>4 == 7 && u[8]>>6 == 2 {
		id = u
	} else {
		sum := sha256.Sum256([]byte(key))
		copy(id[:], sum[:])
		version = 8
	}
	id[6] = version<<4 | byte(partition>>8)&0x0f
	id[7] = byte(partition)
	id[8] = id[8]&0x3f | 0x80
	return id.At(index)
}

// DeriveCallID makes the id of a call that the system makes itself, from what
// caused it, by which plug, step or schedule, and the how-manieth it is.
func DeriveCallID(cause, by string, ordinal uint64, partition GroupID) CallID {
	return NewCallID("\x00"+cause+"\x00"+by+"\x00"+strconv.FormatUint(ordinal, 10), partition, 0)
}

// At is the id of the call at an index of the batch that id belongs to.
func (id CallID) At(index int) CallID {
	binary.BigEndian.PutUint16(id[14:], uint16(index))
	return id
}

// Index is the call's place in its batch.
func (id CallID) Index() int { return int(binary.BigEndian.Uint16(id[14:])) }

// Partition is the group that holds the call.
func (id CallID) Partition() GroupID { return GroupID(id[6]&0x0f)<<8 | GroupID(id[7]) }

// Time is when the client made its key. ok is false when the key told no time.
func (id CallID) Time() (t time.Time, ok bool) {
	ms, ok := id.Milliseconds()
	if !ok {
		return time.Time{}, false
	}
	return time.UnixMilli(ms).UTC(), true
}

// Milliseconds is Time as the id has it.
func (id CallID) Milliseconds() (ms int64, ok bool) {
	return int64(binary.BigEndian.Uint64(id[:]) >> 16), id[6]>>4 == 7
}

func (id CallID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:36], id[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// IsZero says that there is no id.
func (id CallID) IsZero() bool { return id == CallID{} }

// Bytes is the id as it stands in messages: 16 bytes, or none for no id.
func (id CallID) Bytes() []byte {
	if id.IsZero() {
		return nil
	}
	return id[:]
}

// CallIDFrom reads the 16 bytes of an id in a message; anything else is no id.
func CallIDFrom(b []byte) CallID {
	var id CallID
	if len(b) == len(id) {
		copy(id[:], b)
	}
	return id
}

// ParseCallID reads an id as people write it.
func ParseCallID(s string) (CallID, error) {
	u, ok := parseUUID(s)
	if !ok || u[8]>>6 != 2 || u[6]>>4 != 7 && u[6]>>4 != 8 {
		return CallID{}, &Error{Kind: ErrorKind_INVALID, Op: "read call id", Subject: s, Reason: "not the id of a call", Hint: "ids look like 0193a1b2-c3d4-7001-8f00-0123456789ab"}
	}
	return u, nil
}

func parseUUID(s string) (CallID, bool) {
	var id CallID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, false
	}
	plain := s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:36]
	if _, err := hex.Decode(id[:], []byte(plain)); err != nil {
		return CallID{}, false
	}
	return id, true
}
