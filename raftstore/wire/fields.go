package wire

import (
	"encoding/binary"

	"github.com/hashicorp/raft"
)

func appendNumbers(b []byte, numbers ...uint64) []byte {
	for _, n := range numbers {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

func appendBytes(b, s []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendHeader(b []byte, h raft.RPCHeader) []byte {
	return appendBytes(appendBytes(binary.AppendUvarint(b, uint64(h.ProtocolVersion)), h.ID), h.Addr)
}

// appendAppended gives the answer to entries, and to a heartbeat.
func appendAppended(b []byte, a *raft.AppendEntriesResponse) []byte {
	return appendNumbers(appendHeader(b, a.RPCHeader), a.Term, a.LastLog, truth(a.Success), truth(a.NoRetryBackoff))
}

func truth(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}

// reader takes fields off the front. After the first that is not there, all are
// empty.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || r.bad {
		r.bad = true
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) numbers(into ...*uint64) {
	for _, n := range into {
		*n = r.number()
	}
}

func (r *reader) truth() bool {
	n := r.number()
	if n > 1 {
		r.bad = true
	}
	return n == 1
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

// bytes gives nil for none, as a request has it that was never sent.
func (r *reader) bytes() []byte {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad = true
	}
	if n == 0 || r.bad {
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) header() raft.RPCHeader {
	return raft.RPCHeader{ProtocolVersion: raft.ProtocolVersion(r.number()), ID: r.bytes(), Addr: r.bytes()}
}

func (r *reader) appended(a *raft.AppendEntriesResponse) {
	a.RPCHeader = r.header()
	r.numbers(&a.Term, &a.LastLog)
	a.Success, a.NoRetryBackoff = r.truth(), r.truth()
}
