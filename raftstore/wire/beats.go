package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/messages"
)

// Beat is a heartbeat of one group among those that a node sends to another
// together.
type Beat struct {
	Number  uint64 // matches an Echo to its beat
	Group   messages.GroupID
	Request *raft.AppendEntriesRequest // without entries
}

// Echo answers a beat. Without a Response it says what went wrong.
type Echo struct {
	Number   uint64
	Failed   string
	Response *raft.AppendEntriesResponse
}

func appendBeats(b []byte, beats []Beat) []byte {
	for _, beat := range beats {
		q := beat.Request
		b = appendHeader(appendNumbers(b, beat.Number, uint64(beat.Group), q.Term), q.RPCHeader)
		b = appendBytes(b, q.Leader)
	}
	return b
}

func readBeats(b []byte) (beats []Beat, err error) {
	r := &reader{rest: b}
	for len(r.rest) > 0 && !r.bad {
		r.bad = len(beats) == maxEntries
		q := &raft.AppendEntriesRequest{}
		beat := Beat{Number: r.number(), Group: messages.GroupID(r.number()), Request: q}
		q.Term, q.RPCHeader, q.Leader = r.number(), r.header(), r.bytes()
		beats = append(beats, beat)
	}
	if r.bad {
		return nil, fmt.Errorf("read heartbeats: %w", errForm)
	}
	return beats, nil
}

func appendEchoes(b []byte, echoes []Echo) []byte {
	for _, e := range echoes {
		b = appendBytes(appendNumbers(b, e.Number), []byte(e.Failed[:min(len(e.Failed), maxFailure)]))
		b = appendNumbers(b, truth(e.Response != nil))
		if a := e.Response; a != nil {
			b = appendAppended(b, a)
		}
	}
	return b
}

func readEchoes(b []byte) (echoes []Echo, err error) {
	r := &reader{rest: b}
	for len(r.rest) > 0 && !r.bad {
		r.bad = len(echoes) == maxEntries
		e := Echo{Number: r.number(), Failed: string(r.bytes())}
		if r.truth() {
			e.Response = new(raft.AppendEntriesResponse)
			r.appended(e.Response)
		}
		echoes = append(echoes, e)
	}
	if r.bad {
		return nil, fmt.Errorf("read echoes: %w", errForm)
	}
	return echoes, nil
}

// WriteBeats sends heartbeats of several groups as one message.
func (s *Stream) WriteBeats(beats []Beat) error { return s.write(appendBeats(make4(s.out), beats)) }

// WriteEchoes answers some of them.
func (s *Stream) WriteEchoes(echoes []Echo) error {
	return s.write(appendEchoes(make4(s.out), echoes))
}

// write sends what has room for its length before it.
func (s *Stream) write(b []byte) error {
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	s.out = b
	_, err := s.conn.Write(b)
	return err
}

// ReadBeats reads what was sent as one message.
func (s *Stream) ReadBeats() ([]Beat, error) {
	b, err := s.frame()
	if err != nil {
		return nil, err
	}
	return readBeats(b)
}

// ReadEchoes reads the answers that came as one message.
func (s *Stream) ReadEchoes() ([]Echo, error) {
	b, err := s.frame()
	if err != nil {
		return nil, err
	}
	return readEchoes(b)
}
