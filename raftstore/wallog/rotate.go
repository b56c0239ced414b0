package wallog

import (
	"errors"
	"io/fs"
	"time"

	"github.com/hashicorp/raft-wal/metadb"
	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"
)

// finishRotation begins the segment behind one that is full. The library fills a
// segment first and notes that in its list of segments next; when a crash or a
// full disk comes between, it opens the log, and then takes no append ever again.
func finishRotation(dir string, files types.VFS) (err error) {
	list := &metadb.BoltMetaDB{}
	state, err := list.Load(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, list.Close()) }()
	if len(state.Segments) == 0 {
		return nil
	}
	tail := &state.Segments[len(state.Segments)-1]
	if !tail.SealTime.IsZero() {
		return nil
	}
	w, err := segment.NewFiler(dir, files).RecoverTail(*tail)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was about to be made, and will be
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	sealed, index, err := w.Sealed()
	if err != nil || !sealed {
		return err
	}
	now := time.Now()
	tail.SealTime, tail.MaxIndex, tail.IndexStart = now, w.LastIndex(), index
	state.Segments = append(state.Segments, types.SegmentInfo{
		ID: state.NextSegmentID, BaseIndex: tail.MaxIndex + 1, MinIndex: tail.MaxIndex + 1,
		SizeLimit: SegmentSize, Codec: tail.Codec, CreateTime: now,
	})
	state.NextSegmentID++
	return list.CommitState(state)
}
