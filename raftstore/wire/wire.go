// Package wire is the form that Raft's requests and answers have on a connection
// between two replicas. It is written by hand: they are a handful, come often,
// and carry entries that are not to be copied.
package wire

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/messages"
)

// What a request is. On the wire, numbers are varints, and bytes have their
// length before them:
//
//	request  length of the head (4, big-endian), kind (1), fields; then the data of the entries
//	answer   length (4, big-endian), what went wrong, whether there are fields (1), fields
const (
	kindAppend   byte = 1
	kindVote     byte = 2
	kindPreVote  byte = 3
	kindSnapshot byte = 4 // the snapshot comes behind, as many bytes as the request says
	kindTimeout  byte = 5
)

// Bounds of what is read. An entry has its commands and a few bytes for each.
const (
	maxHead    = 256 << 10
	maxEntries = 1024
	maxData    = 2 * messages.MaxEntryBytes
)

var errForm = errors.New("it is not what a replica writes")

// appendRequest gives the head of a request.
func appendRequest(b []byte, command any) ([]byte, error) {
	switch c := command.(type) {
	case *raft.AppendEntriesRequest:
		b = appendHeader(append(b, kindAppend), c.RPCHeader)
		b = appendNumbers(appendBytes(b, c.Leader), c.Term, c.PrevLogEntry, c.PrevLogTerm, c.LeaderCommitIndex, uint64(len(c.Entries)))
		for _, l := range c.Entries {
			b = appendNumbers(b, l.Index, l.Term, uint64(l.Type), appended(l.AppendedAt), uint64(len(l.Data)), uint64(len(l.Extensions)))
		}
	case *raft.RequestVoteRequest:
		b = appendHeader(append(b, kindVote), c.RPCHeader)
		b = appendNumbers(appendBytes(b, c.Candidate), c.Term, c.LastLogIndex, c.LastLogTerm, truth(c.LeadershipTransfer))
	case *raft.RequestPreVoteRequest:
		b = appendHeader(append(b, kindPreVote), c.RPCHeader)
		b = appendNumbers(b, c.Term, c.LastLogIndex, c.LastLogTerm)
	case *raft.InstallSnapshotRequest:
		b = appendHeader(append(b, kindSnapshot), c.RPCHeader)
		b = appendBytes(appendBytes(appendBytes(b, c.Leader), c.Peers), c.Configuration)
		b = appendNumbers(b, uint64(c.SnapshotVersion), c.Term, c.LastLogIndex, c.LastLogTerm, c.ConfigurationIndex, uint64(c.Size))
	case *raft.TimeoutNowRequest:
		b = appendHeader(append(b, kindTimeout), c.RPCHeader)
	default:
		return nil, fmt.Errorf("encode %T: a replica does not ask that", command)
	}
	return b, nil
}

// part is where data of an entry go once they are read.
type part struct {
	to   *[]byte
	size int
}

// readRequest reads the head of a request, and says what data come behind it.
// The request shares its bytes.
func readRequest(b []byte) (command any, behind []part, err error) {
	r := &reader{rest: b}
	switch kind := r.byte(); kind {
	case kindAppend:
		c := &raft.AppendEntriesRequest{RPCHeader: r.header(), Leader: r.bytes()}
		r.numbers(&c.Term, &c.PrevLogEntry, &c.PrevLogTerm, &c.LeaderCommitIndex)
		command, behind = c, r.entries(c)
	case kindVote:
		c := &raft.RequestVoteRequest{RPCHeader: r.header(), Candidate: r.bytes()}
		r.numbers(&c.Term, &c.LastLogIndex, &c.LastLogTerm)
		c.LeadershipTransfer = r.truth()
		command = c
	case kindPreVote:
		c := &raft.RequestPreVoteRequest{RPCHeader: r.header()}
		r.numbers(&c.Term, &c.LastLogIndex, &c.LastLogTerm)
		command = c
	case kindSnapshot:
		c := &raft.InstallSnapshotRequest{RPCHeader: r.header(), Leader: r.bytes(), Peers: r.bytes(), Configuration: r.bytes()}
		c.SnapshotVersion = raft.SnapshotVersion(r.number())
		r.numbers(&c.Term, &c.LastLogIndex, &c.LastLogTerm, &c.ConfigurationIndex)
		c.Size = int64(r.number())
		if c.Size < 0 {
			r.bad = true
		}
		command = c
	case kindTimeout:
		command = &raft.TimeoutNowRequest{RPCHeader: r.header()}
	default:
		return nil, nil, fmt.Errorf("read request of kind %d: %w", kind, errForm)
	}
	if r.bad || len(r.rest) > 0 {
		return nil, nil, fmt.Errorf("read %T: %w", command, errForm)
	}
	return command, behind, nil
}

// entries reads all of the entries but their data.
func (r *reader) entries(c *raft.AppendEntriesRequest) (behind []part) {
	n := r.number()
	if n > maxEntries {
		r.bad = true
	}
	if n == 0 || r.bad {
		return nil
	}
	logs := make([]raft.Log, n)
	c.Entries, behind = make([]*raft.Log, n), make([]part, 0, n)
	for i := range logs {
		l := &logs[i]
		r.numbers(&l.Index, &l.Term)
		l.Type, l.AppendedAt = raft.LogType(r.number()), appendedAt(r.number())
		for _, to := range []*[]byte{&l.Data, &l.Extensions} {
			size := r.number()
			if size > maxData {
				r.bad = true
			}
			if size > 0 && !r.bad {
				behind = append(behind, part{to, int(size)})
			}
		}
		c.Entries[i] = l
	}
	return behind
}

// appendAnswer gives what a replica says to a request. Either may be missing.
func appendAnswer(b []byte, answer any, failed error) ([]byte, error) {
	text := ""
	if failed != nil {
		text = failed.Error()
	}
	b = appendBytes(b, []byte(text[:min(len(text), maxFailure)]))
	if answer == nil {
		return append(b, 0), nil
	}
	b = append(b, 1)
	switch a := answer.(type) {
	case *raft.AppendEntriesResponse:
		b = appendAppended(b, a)
	case *raft.RequestVoteResponse:
		b = appendNumbers(appendBytes(appendHeader(b, a.RPCHeader), a.Peers), a.Term, truth(a.Granted))
	case *raft.RequestPreVoteResponse:
		b = appendNumbers(appendHeader(b, a.RPCHeader), a.Term, truth(a.Granted))
	case *raft.InstallSnapshotResponse:
		b = appendNumbers(appendHeader(b, a.RPCHeader), a.Term, truth(a.Success))
	case *raft.TimeoutNowResponse:
		b = appendHeader(b, a.RPCHeader)
	default:
		return nil, fmt.Errorf("encode %T: a replica does not answer that", answer)
	}
	return b, nil
}

// maxFailure is how much is told of what went wrong.
const maxFailure = 4 << 10

// Refusal is an error that the other replica had; the connection is in order.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// readAnswer reads an answer into a response of its kind, which shares its bytes.
func readAnswer(b []byte, into any) error {
	r := &reader{rest: b}
	failed := r.bytes()
	if r.truth() {
		switch a := into.(type) {
		case *raft.AppendEntriesResponse:
			r.appended(a)
		case *raft.RequestVoteResponse:
			a.RPCHeader, a.Peers = r.header(), r.bytes()
			a.Term, a.Granted = r.number(), r.truth()
		case *raft.RequestPreVoteResponse:
			a.RPCHeader = r.header()
			a.Term, a.Granted = r.number(), r.truth()
		case *raft.InstallSnapshotResponse:
			a.RPCHeader = r.header()
			a.Term, a.Success = r.number(), r.truth()
		case *raft.TimeoutNowResponse:
			a.RPCHeader = r.header()
		default:
			return fmt.Errorf("read %T: a replica does not answer that", into)
		}
	}
	if r.bad || len(r.rest) > 0 {
		return fmt.Errorf("read %T: %w", into, errForm)
	}
	if len(failed) > 0 {
		return Refusal(failed)
	}
	return nil
}

// appended is when an entry was, in nanoseconds since 1970; 0: it is not known.
func appended(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixNano())
}

func appendedAt(n uint64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(n))
}
