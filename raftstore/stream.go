package raftstore

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/kv"
)

// A snapshot stream is a group's state as a peer receives it:
//
//	magic(8) head: applied(8) term(8) time(8) digest(8) configIndex(8) n(4) configuration(n)
//	n times: length of key + 1 (uvarint), length of value (uvarint), key, value
//	0 (uvarint), crc32c of all before (4)
const streamMagic = "flowsnp1"

// maxStreamed bounds one key or value of a stream that is read.
const maxStreamed = 64 << 20

// head says which state a stream holds.
type head struct {
	record
	configIndex uint64
	config      raft.Configuration
}

func (h head) encode() []byte {
	b := []byte(streamMagic)
	for _, n := range []uint64{h.applied, h.term, uint64(h.time), h.digest, h.configIndex} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	c := raft.EncodeConfiguration(h.config)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(c))), c...)
}

func uvarintLen(n uint64) int64 { return int64(len(binary.AppendUvarint(nil, n))) }

// streamSize is the exact length of the stream of a view.
func streamSize(h head, view kv.View) int64 {
	size := int64(len(h.encode())) + 1 + 4
	for k, v := range view.Scan(nil, nil) {
		size += uvarintLen(uint64(len(k))+1) + uvarintLen(uint64(len(v))) + int64(len(k)+len(v))
	}
	return size
}

// writeStream writes a view. It is the only writer of the format.
func writeStream(to io.Writer, h head, view kv.View) error {
	sum := crc32.New(castagnoli)
	w := bufio.NewWriterSize(io.MultiWriter(to, sum), 64<<10)
	if _, err := w.Write(h.encode()); err != nil {
		return err
	}
	var lengths []byte
	for k, v := range view.Scan(nil, nil) {
		lengths = binary.AppendUvarint(lengths[:0], uint64(len(k))+1)
		lengths = binary.AppendUvarint(lengths, uint64(len(v)))
		for _, part := range [][]byte{lengths, k, v} {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
	}
	if err := w.WriteByte(0); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := to.Write(sum.Sum(nil))
	return err
}

// streamReader reads a stream and checks it as it goes: what it gave is to be
// trusted only after end has been reached without an error.
type streamReader struct {
	in   *bufio.Reader
	sum  hash.Hash32
	head head
}

func openStream(r io.Reader) (*streamReader, error) {
	s := &streamReader{in: bufio.NewReaderSize(r, 64<<10), sum: crc32.New(castagnoli)}
	fixed, err := s.take(len(streamMagic) + 5*8 + 4)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(fixed, []byte(streamMagic)) {
		return nil, fmt.Errorf("read snapshot: not one of this version: %w", ErrCorrupt)
	}
	n := func(i int) uint64 { return binary.BigEndian.Uint64(fixed[len(streamMagic)+8*i:]) }
	s.head = head{record: record{applied: n(0), term: n(1), time: int64(n(2)), digest: n(3)}, configIndex: n(4)}
	c, err := s.take(int(binary.BigEndian.Uint32(fixed[len(fixed)-4:])))
	if err != nil {
		return nil, err
	}
	s.head.config, err = decodeMembers(c)
	return s, err
}

func (s *streamReader) take(n int) ([]byte, error) {
	if n < 0 || n > maxStreamed {
		return nil, fmt.Errorf("read snapshot: a part of %d bytes: %w", n, ErrCorrupt)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(s.in, b); err != nil {
		return nil, s.short(err)
	}
	s.sum.Write(b)
	return b, nil
}

func (s *streamReader) short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("read snapshot: it ends too early: %w", ErrCorrupt)
	}
	return fmt.Errorf("read snapshot: %w", err)
}

// ReadByte lets binary.ReadUvarint read through the checksum.
func (s *streamReader) ReadByte() (byte, error) {
	b, err := s.in.ReadByte()
	if err == nil {
		s.sum.Write([]byte{b})
	}
	return b, err
}

// next gives the next pair; ok false: the stream has ended and is whole.
func (s *streamReader) next() (key, value []byte, ok bool, err error) {
	n, err := binary.ReadUvarint(s)
	if err != nil {
		return nil, nil, false, s.short(err)
	}
	if n == 0 {
		return nil, nil, false, s.end()
	}
	m, err := binary.ReadUvarint(s)
	if err != nil {
		return nil, nil, false, s.short(err)
	}
	if n > maxStreamed || m > maxStreamed {
		return nil, nil, false, fmt.Errorf("read snapshot: a pair of %d and %d bytes: %w", n, m, ErrCorrupt)
	}
	if key, err = s.take(int(n - 1)); err != nil {
		return nil, nil, false, err
	}
	value, err = s.take(int(m))
	return key, value, err == nil, err
}

func (s *streamReader) end() error {
	want := s.sum.Sum(nil)
	got := make([]byte, 4)
	if _, err := io.ReadFull(s.in, got); err != nil {
		return s.short(err)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("read snapshot: it does not match its checksum: %w", ErrCorrupt)
	}
	if _, err := s.in.ReadByte(); err != io.EOF {
		return fmt.Errorf("read snapshot: it goes on after its end: %w", ErrCorrupt)
	}
	return nil
}

// verifyStream reads a whole stream and gives its head.
func verifyStream(r io.Reader) (head, error) {
	s, err := openStream(r)
	if err != nil {
		return head{}, err
	}
	for {
		if _, _, ok, err := s.next(); err != nil || !ok {
			return s.head, err
		}
	}
}
