package twin

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"

	"github.com/elasticcode/flow/plant"
	"github.com/elasticcode/flow/raftstore"
)

// journal is a file of records that are only ever appended. What follows the
// first damaged record is gone. Where each record is synced before the next one
// is written, only the last can have been hit by a crash: an earlier one that is
// damaged was so later, and the journal does not open.
type journal struct {
	path string
	file *os.File
	mu   sync.Mutex // held from a record's write to its sync

	durable int64  // where what is durable ends
	behind  []byte // written behind it
	forgot  bool   // a sync has failed: the system may have forgotten what is behind it
}

// recordHead is the length of a record and the checksum of its bytes.
const recordHead = 8

// opening says what a journal may be found to be.
type opening struct {
	create bool // it may be missing
	loose  bool // its records are not all synced one by one
}

// openJournal opens a journal and gives its records to replay.
func openJournal(path string, how opening, replay func(record []byte) error) (*journal, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && !how.create {
		return nil, fmt.Errorf("open %s: it is missing: %w", path, raftstore.ErrCorrupt)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	good, err := readRecords(content, replay)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if !how.loose && holdsRecord(content[good:]) {
		return nil, fmt.Errorf("read %s: the record at %d does not match its checksum: %w", path, good, raftstore.ErrCorrupt)
	}
	j := &journal{path: path, durable: int64(good)}
	if j.file, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	_, seekErr := j.file.Seek(int64(good), 0)
	if err := errors.Join(j.file.Truncate(int64(good)), seekErr, j.file.Sync()); err != nil {
		return nil, errors.Join(err, j.file.Close())
	}
	return j, syncDir(filepath.Dir(path))
}

// readRecords gives each whole record to replay, and says where they end.
func readRecords(content []byte, replay func([]byte) error) (end int, err error) {
	for {
		record := firstRecord(content[end:])
		if record == nil {
			return end, nil
		}
		if err := replay(record); err != nil {
			return end, err
		}
		end += recordHead + len(record)
	}
}

// firstRecord is the one at the beginning; nil: there is no whole one. None is
// empty, so zeros are no record.
func firstRecord(content []byte) []byte {
	if len(content) < recordHead {
		return nil
	}
	size := binary.LittleEndian.Uint32(content)
	if size == 0 || uint64(size) > uint64(len(content)-recordHead) {
		return nil
	}
	record := content[recordHead : recordHead+size]
	if crc32.ChecksumIEEE(record) != binary.LittleEndian.Uint32(content[4:]) {
		return nil
	}
	return record
}

// holdsRecord says whether a whole record begins anywhere.
func holdsRecord(content []byte) bool {
	for at := range content {
		if firstRecord(content[at:]) != nil {
			return true
		}
	}
	return false
}

// append writes a record; it is durable after the next sync.
func (j *journal) append(record []byte) error {
	framed := make([]byte, recordHead, recordHead+len(record))
	binary.LittleEndian.PutUint32(framed, uint32(len(record)))
	binary.LittleEndian.PutUint32(framed[4:], crc32.ChecksumIEEE(record))
	framed = append(framed, record...)
	if _, err := j.file.Write(framed); err != nil {
		return err
	}
	j.behind = append(j.behind, framed...)
	return nil
}

// sync makes what was written durable. After one that failed it is written once
// more, as Pebble does with a flush that failed.
func (j *journal) sync() error {
	if j.forgot {
		if _, err := j.file.WriteAt(j.behind, j.durable); err != nil {
			return err
		}
	}
	if err := j.file.Sync(); err != nil {
		j.forgot = true
		return err
	}
	j.durable += int64(len(j.behind))
	j.behind, j.forgot = j.behind[:0], false
	return nil
}

func (j *journal) appendSynced(record []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.append(record); err != nil {
		return err
	}
	if plant.On(plant.AckBeforeFsync) {
		return nil
	}
	linger()
	return j.sync()
}

func (j *journal) close() error { return j.file.Close() }

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
