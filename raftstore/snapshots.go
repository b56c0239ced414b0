package raftstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// snapshots is raft's snapshot store. A replica's own snapshot is a marker
// beside the flushed state; one for a peer is streamed from a view when it is
// opened; one from a peer is kept whole in a file until it is installed.
type snapshots struct {
	group    messages.GroupID
	dir      string
	kv       KV
	state    *state
	identity []byte // of kv
	guard    *guard
	marker   atomic.Pointer[marker]
	conflict func() // raft must start anew for this snapshot; must not block
}

const (
	ownID      = "state"
	receivedID = "received"
	batchBytes = 1 << 20 // of one write to the key-value store while installing
)

// errConflict refuses a snapshot that raft cannot install while it runs.
var errConflict = errors.New("the log does not end before the snapshot; starting anew to install it")

func (s *snapshots) file() string { return filepath.Join(s.dir, "received.snapshot") }

// List gives the replica's own snapshot.
func (s *snapshots) List() ([]*raft.SnapshotMeta, error) {
	m := s.marker.Load()
	if m.index == 0 {
		return nil, nil
	}
	return []*raft.SnapshotMeta{meta(ownID, m.index, m.term, m.configIndex, m.config, 0)}, nil
}

func meta(id string, index, term, configIndex uint64, c raft.Configuration, size int64) *raft.SnapshotMeta {
	return &raft.SnapshotMeta{Version: 1, ID: id, Index: index, Term: term, Configuration: c, ConfigurationIndex: configIndex, Size: size}
}

// Open opens the snapshot that was received, to install it here, or a stream of
// the state as it is now, for a peer.
func (s *snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	if id == receivedID {
		return s.openReceived()
	}
	return s.openStream()
}

func (s *snapshots) openReceived() (*raft.SnapshotMeta, io.ReadCloser, error) {
	f, err := os.Open(s.file())
	if err != nil {
		return nil, nil, err
	}
	st, err := f.Stat()
	if err == nil {
		var r *streamReader
		if r, err = openStream(f); err == nil {
			if _, err = f.Seek(0, io.SeekStart); err == nil {
				h := r.head
				return meta(receivedID, h.applied, h.term, h.configIndex, h.config, st.Size()), f, nil
			}
		}
	}
	f.Close()
	return nil, nil, err
}

// openStream streams a view that does not change. What it holds is newer than
// the marker, so index, term and members are those of the view.
func (s *snapshots) openStream() (*raft.SnapshotMeta, io.ReadCloser, error) {
	view := s.state.view()
	if view == nil {
		return nil, nil, fmt.Errorf("snapshot of %s: there is no state", s.group.Name())
	}
	h, size, err := measure(view)
	if err != nil {
		view.close()
		return nil, nil, err
	}
	r, w := io.Pipe()
	out := &outgoing{PipeReader: r, done: make(chan struct{})}
	go func() {
		defer close(out.done)
		defer view.close()
		w.CloseWithError(readable(func() error { return writeStream(w, h, view) }))
	}()
	return meta(ownID, h.applied, h.term, h.configIndex, h.config, size), out, nil
}

func measure(v *view) (h head, size int64, err error) {
	h.record = v.at
	if h.configIndex, h.config, err = readMembers(v.members); err != nil {
		return h, 0, err
	}
	err = readable(func() error { size = streamSize(h, v); return nil })
	return h, size, err
}

// readable turns a view's panic into an error.
func readable(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			read, ok := p.(ReadError)
			if !ok {
				panic(p)
			}
			err = read
		}
	}()
	return f()
}

// outgoing ends the goroutine that writes it when it is closed.
type outgoing struct {
	*io.PipeReader
	done chan struct{}
}

func (o *outgoing) Close() error {
	err := o.PipeReader.Close()
	<-o.done
	return err
}

// Create begins a snapshot: one of this replica's state, or one from a peer.
func (s *snapshots) Create(_ raft.SnapshotVersion, index, term uint64, c raft.Configuration, configIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	return &sink{of: s, m: marker{store: s.identity, index: index, term: term, configIndex: configIndex, config: c}}, nil
}

// write makes a marker durable. The state it speaks of must be.
func (s *snapshots) write(m marker) error {
	if err := s.guard.stable.Set(markerKey, m.encode()); err != nil {
		return err
	}
	s.marker.Store(&m)
	s.guard.snapshot.Store(m.index)
	return nil
}

// install replaces the group's state by a stream. From its first write on the
// state is marked as restoring, until the last, so that a crash in between is
// seen; the stream is kept as a file until then, to start over from.
func (s *snapshots) install(from io.Reader, incarnation uint64) (record, error) {
	r, err := openStream(from)
	if err != nil {
		return record{}, err
	}
	at := r.head.record
	at.incarnation = incarnation
	s.state.leave()
	half := record{incarnation: incarnation, restoring: true}
	if err := s.kv.Commit(Batch{Erase: []Range{groupRange(s.group)}, Writes: []kv.Write{half.write(s.group)}}); err != nil {
		return record{}, err
	}
	if err := s.fill(r); err != nil {
		return record{}, err
	}
	members := membersAt(r.head.configIndex, raft.EncodeConfiguration(r.head.config))
	last := []kv.Write{writeMembers(s.group, members), at.write(s.group)}
	if err := s.kv.Commit(Batch{Writes: last}); err != nil {
		return record{}, err
	}
	if err := s.kv.Flush(); err != nil {
		return record{}, err
	}
	if err := s.state.enter(at); err != nil {
		return record{}, err
	}
	return at, s.installed(r.head)
}

// fill writes the stream's pairs.
func (s *snapshots) fill(r *streamReader) error {
	prefix := machinePrefix(s.group)
	var writes []kv.Write
	size := 0
	for {
		k, v, ok, err := r.next()
		if err != nil {
			return err
		}
		if ok && !lacks(k) {
			writes = append(writes, kv.Write{Key: append(prefix[:len(prefix):len(prefix)], k...), Value: v})
			size += len(k) + len(v)
		}
		if size >= batchBytes || !ok && len(writes) > 0 {
			if err := s.kv.Commit(Batch{Writes: writes}); err != nil {
				return err
			}
			writes, size = nil, 0
		}
		if !ok {
			return nil
		}
	}
}

// lacks says whether a snapshot is to be installed without a key: none is.
func lacks(k []byte) bool {
	return plant.On(plant.SnapshotNoDedup) && bytes.HasPrefix(k, []byte("d/")) || plant.On(plant.SnapshotNoTimers) && bytes.HasPrefix(k, []byte("t/"))
}

// installed writes the marker of a snapshot whose state is on disk, and drops
// the file it came in.
func (s *snapshots) installed(h head) error {
	if h.applied > s.marker.Load().index {
		m := marker{store: s.identity, index: h.applied, term: h.term, applied: h.applied, configIndex: h.configIndex, config: h.config}
		if err := s.write(m); err != nil {
			return err
		}
	}
	return removeFile(s.file())
}

// resume finishes, before raft starts, what a crash or a conflict left of an
// installation. It gives the record as it is then.
func (s *snapshots) resume(at record) (record, error) {
	f, err := os.Open(s.file())
	if errors.Is(err, os.ErrNotExist) {
		if at.restoring {
			return at, fmt.Errorf("state was being replaced by a snapshot that is gone: %w", ErrLostState)
		}
		return at, nil
	}
	if err != nil {
		return at, err
	}
	defer f.Close()
	h, err := verifyStream(f)
	switch {
	case err != nil && at.restoring:
		return at, fmt.Errorf("state was being replaced by a snapshot that is damaged (%v): %w", err, ErrLostState)
	case err != nil: // cut short while it was received: it was never acknowledged
		return at, removeFile(s.file())
	case !at.restoring && h.applied == at.applied && h.term == at.term:
		// It was installed, all but its marker; or the log has come to its end.
		if err := s.state.flush(); err != nil {
			return at, err
		}
		return at, s.installed(h)
	case !at.restoring && h.applied <= at.applied:
		return at, removeFile(s.file())
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return at, err
	}
	return s.install(f, at.incarnation)
}
