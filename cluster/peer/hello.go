package peer

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/elasticcode/flow/messages"
)

// Every connection begins with a hello from the one who dialed, answered by a
// verdict. On the wire:
//
//	hello    "FLOW" version(1) use(1) group(4) network from to
//	verdict  code(1) reason
//
// Numbers are big-endian; a string is its length (1 byte) and its bytes.
const (
	magic   = "FLOW"
	version = 1
)

// use is what a connection is for.
type use byte

const (
	useRaft     use = 1 // a stream of one Raft group
	useMessages use = 2 // requests and one-way messages
)

// hello says who dials, whom it believes to dial, and what for.
type hello struct {
	use     use
	group   messages.GroupID
	network string
	from    messages.NodeID
	// to guards against a port that changed hands: a Raft vote given by
	// another node than the one asked would be counted twice.
	to messages.NodeID
}

// verdict is the answer to a hello.
type verdict byte

const (
	welcome      verdict = 0
	otherNetwork verdict = 1
	noNetwork    verdict = 2 // this node has not joined a network yet
	notMe        verdict = 3 // the hello was meant for another node
	noReplica    verdict = 4 // no replica of the group is open here
	otherVersion verdict = 5
	removed      verdict = 6 // whoever dials was removed from the network
)

const maxString = 255

func appendString(b []byte, s string) []byte {
	s = s[:min(len(s), maxString)]
	return append(append(b, byte(len(s))), s...)
}

func (h hello) append(b []byte) []byte {
	b = append(b, magic...)
	b = append(b, version, byte(h.use))
	b = binary.BigEndian.AppendUint32(b, uint32(h.group))
	b = appendString(b, h.network)
	b = appendString(b, string(h.from))
	return appendString(b, string(h.to))
}

func readString(r io.Reader) (string, error) {
	var size [1]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return "", err
	}
	b := make([]byte, size[0])
	_, err := io.ReadFull(r, b)
	return string(b), err
}

// errVersion is a hello in a form that this version does not know.
type errVersion byte

func (v errVersion) Error() string {
	return fmt.Sprintf("peer protocol version %d is not %d, which this node speaks", byte(v), version)
}

func readHello(r io.Reader) (h hello, err error) {
	var head [10]byte
	if _, err = io.ReadFull(r, head[:]); err != nil {
		return h, err
	}
	if string(head[:4]) != magic {
		return h, fmt.Errorf("read hello: it does not begin with %q", magic)
	}
	if head[4] != version {
		return h, errVersion(head[4])
	}
	h.use, h.group = use(head[5]), messages.GroupID(binary.BigEndian.Uint32(head[6:]))
	if h.use != useRaft && h.use != useMessages {
		return h, fmt.Errorf("read hello: use %d is unknown", h.use)
	}
	texts := make([]string, 3)
	for i := range texts {
		if texts[i], err = readString(r); err != nil {
			return h, err
		}
	}
	h.network, h.from, h.to = texts[0], messages.NodeID(texts[1]), messages.NodeID(texts[2])
	return h, nil
}

func writeVerdict(w io.Writer, v verdict, reason string) error {
	_, err := w.Write(appendString([]byte{byte(v)}, reason))
	return err
}

func readVerdict(r io.Reader) (verdict, string, error) {
	var code [1]byte
	if _, err := io.ReadFull(r, code[:]); err != nil {
		return 0, "", err
	}
	reason, err := readString(r)
	return verdict(code[0]), reason, err
}

// judge decides on a hello. gone says whether whoever dials was removed, open
// whether a replica of the group is open.
func judge(h hello, self messages.NodeID, network string, gone, open bool) (verdict, string) {
	switch {
	case network == "":
		return noNetwork, fmt.Sprintf("node %s has not joined a network yet", self)
	case h.network != network:
		return otherNetwork, fmt.Sprintf("node %s belongs to network %s, not to %s", self, network, h.network)
	case gone:
		return removed, fmt.Sprintf("node %s was removed from network %s on purpose", h.from, network)
	case h.to != self:
		return notMe, fmt.Sprintf("node %s listens here, not %s", self, h.to)
	case h.use == useRaft && !open:
		return noReplica, fmt.Sprintf("node %s holds no replica of %s", self, h.group.Name())
	}
	return welcome, ""
}

// refusal is the error that a verdict is to the one who dialed. Whatever the
// verdict, it concerns two nodes: a client that asked one of them may turn to
// another.
func refusal(v verdict, op, subject, reason string) error {
	err := messages.Errorf(messages.Unavailable, op, subject, "%s", reason)
	switch v {
	case otherNetwork:
		return err.WithHint("a node belongs to one network for ever; give it another address to join, or an empty data directory")
	case removed:
		return err.WithHint("to join anew, start it with an empty data directory")
	case otherVersion:
		return err.WithHint("run the same version on all nodes")
	}
	return err
}
