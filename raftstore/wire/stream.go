package wire

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/hashicorp/raft"
)

// Stream is a connection between two replicas. One end asks, in order; the other
// answers in the same order. Reading and writing may go on at the same time, each
// on one goroutine.
type Stream struct {
	conn io.ReadWriter
	in   *bufio.Reader
	out  []byte // what is being written; used again
}

const (
	readBuffer = 64 << 10
	// apart is the size from which data are written by themselves rather than
	// copied behind what goes before them.
	apart = 16 << 10
	// together is the size up to which the data of a request share one piece of
	// memory.
	together = 64 << 10
)

// New begins to use a connection.
func New(conn io.ReadWriter) *Stream {
	return &Stream{conn: conn, in: bufio.NewReaderSize(conn, readBuffer)}
}

// WriteRequest asks. Entries are read while it runs, and not kept.
func (s *Stream) WriteRequest(command any) error {
	b, err := appendRequest(make4(s.out), command)
	if err != nil {
		return err
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	if c, ok := command.(*raft.AppendEntriesRequest); ok {
		for _, l := range c.Entries {
			for _, data := range [][]byte{l.Data, l.Extensions} {
				if b, err = s.add(b, data); err != nil {
					return err
				}
			}
		}
	}
	s.out = b
	if len(b) > 0 {
		_, err = s.conn.Write(b)
	}
	return err
}

// make4 leaves room for a length.
func make4(b []byte) []byte { return append(b[:0], 0, 0, 0, 0) }

// add puts data behind what is to be written. Large ones are written at once.
func (s *Stream) add(b, data []byte) ([]byte, error) {
	if len(data) < apart {
		return append(b, data...), nil
	}
	if _, err := s.conn.Write(b); err != nil {
		return nil, err
	}
	_, err := s.conn.Write(data)
	return b[:0], err
}

// frame reads what has its length before it. The bytes are the caller's.
func (s *Stream) frame() ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(s.in, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxHead {
		return nil, fmt.Errorf("read %d bytes: %w", n, errForm)
	}
	b := make([]byte, n)
	_, err := io.ReadFull(s.in, b)
	return b, err
}

// ReadRequest reads what the other end asks.
func (s *Stream) ReadRequest() (command any, err error) {
	head, err := s.frame()
	if err != nil {
		return nil, err
	}
	command, behind, err := readRequest(head)
	if err != nil {
		return nil, err
	}
	return command, s.fill(behind)
}

// fill reads the data of entries.
func (s *Stream) fill(parts []part) error {
	sum := 0
	for _, p := range parts {
		sum += p.size
	}
	var shared []byte
	if sum <= together {
		shared = make([]byte, sum)
	}
	for _, p := range parts {
		b := shared
		if b == nil {
			b = make([]byte, p.size)
		} else {
			shared = shared[p.size:]
		}
		*p.to = b[:p.size:p.size]
		if _, err := io.ReadFull(s.in, *p.to); err != nil {
			return err
		}
	}
	return nil
}

// Snapshot is the snapshot that comes behind a request to install one.
func (s *Stream) Snapshot(c *raft.InstallSnapshotRequest) io.Reader {
	return io.LimitReader(s.in, c.Size)
}

// WriteAnswer answers the last request that was read; failed may be nil.
func (s *Stream) WriteAnswer(answer any, failed error) error {
	b, err := appendAnswer(make4(s.out), answer, failed)
	if err != nil {
		return err
	}
	return s.write(b)
}

// ReadAnswer reads the answer to the first request that has none yet. After an
// error that is no Refusal the connection is of no use any more.
func (s *Stream) ReadAnswer(into any) error {
	b, err := s.frame()
	if err != nil {
		return err
	}
	return readAnswer(b, into)
}
