package twin

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/elasticcode/flow/plant"
	"github.com/elasticcode/flow/raftstore"
)

// journal is a file of records that are only ever appended. What follows the
// first damaged record was not synced before a crash, and is gone: the host
// loses unsynced bytes as a suffix.
type journal struct {
	path string
	file *os.File
}

// recordHead is the length of a record and the checksum of its bytes.
const recordHead = 8

// openJournal opens a journal and gives its records to replay. Without create
// a missing file is damage.
func openJournal(path string, create bool, replay func(record []byte) error) (*journal, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && !create {
		return nil, fmt.Errorf("open %s: it is missing: %w", path, raftstore.ErrCorrupt)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	good, err := readRecords(content, replay)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	j := &journal{path: path}
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
		rest := content[end:]
		if len(rest) < recordHead {
			return end, nil
		}
		size := int(binary.LittleEndian.Uint32(rest))
		if size > len(rest)-recordHead {
			return end, nil
		}
		record := rest[recordHead : recordHead+size]
		if crc32.ChecksumIEEE(record) != binary.LittleEndian.Uint32(rest[4:]) {
			return end, nil
		}
		if err := replay(record); err != nil {
			return end, err
		}
		end += recordHead + size
	}
}

// append writes a record; it is durable after the next sync.
func (j *journal) append(record []byte) error {
	framed := make([]byte, recordHead, recordHead+len(record))
	binary.LittleEndian.PutUint32(framed, uint32(len(record)))
	binary.LittleEndian.PutUint32(framed[4:], crc32.ChecksumIEEE(record))
	_, err := j.file.Write(append(framed, record...))
	return err
}

func (j *journal) sync() error { return j.file.Sync() }

func (j *journal) appendSynced(record []byte) error {
	if err := j.append(record); err != nil {
		return err
	}
	if plant.On(plant.AckBeforeFsync) {
		return nil
	}
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
