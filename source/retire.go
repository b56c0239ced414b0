package source

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elasticcode/flow/messages"
)

// Retention says how long checkouts and environments stay that nobody uses. A
// zero field has its default.
type Retention struct {
	Unused time.Duration // one that was not used for so long goes; default MaxUnused
	Bytes  int64         // of more than this, those go first that were not used for longest; default MaxUnusedBytes
}

const (
	MaxUnused      = 14 * 24 * time.Hour
	MaxUnusedBytes = 10 << 30
	// minUnused is for how long one stays, whatever its size: it may be wanted
	// again, by a processor that goes back to it or by a worker about to start.
	minUnused = time.Hour
	// lockWait is how long Retire waits for one that is being worked on. It is in
	// use then.
	lockWait = 100 * time.Millisecond
)

const (
	usedMark = ".used"    // beside what was used; its time is that of the last use, its text the size
	removed  = ".removed" // what is being removed: it is not there any more
)

// kept is a checkout or an environment on disk.
type kept struct {
	dir  string
	lock string // name of the lock under which it is made and used
	used time.Time
	size int64
}

// Retire removes checkouts and environments that were not used for long, or
// that take too much room; those of inUse stay, and count as used now.
func (s *Source) Retire(ctx context.Context, inUse []messages.Environment) error {
	var errs []error
	for _, e := range inUse {
		for _, dir := range []string{e.Dir, filepath.Dir(filepath.Dir(e.Interpreter))} {
			errs = append(errs, s.use(dir))
		}
	}
	all, err := s.kept()
	errs = append(errs, err)
	slices.SortFunc(all, func(a, b kept) int {
		return cmp.Or(b.used.Compare(a.used), strings.Compare(a.dir, b.dir)) // the latest used first
	})
	room := s.config.Retention.Bytes
	for _, k := range all {
		unused := s.config.Now().Sub(k.used)
		if unused < minUnused {
			continue
		}
		if room -= k.size; room >= 0 && unused < s.config.Retention.Unused {
			continue
		}
		errs = append(errs, s.remove(ctx, k))
	}
	return errors.Join(errs...)
}

// use notes that something is used now. What is not the source's own, or not
// there, needs no note.
func (s *Source) use(dir string) error {
	within, err := filepath.Rel(s.config.Dir, dir)
	if err != nil || !filepath.IsLocal(within) {
		return nil
	}
	if _, err := os.Stat(dir); err != nil {
		return nil
	}
	now := s.config.Now()
	err = os.Chtimes(dir+usedMark, now, now)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.WriteFile(dir+usedMark, nil, 0o600); err == nil {
			err = os.Chtimes(dir+usedMark, now, now)
		}
	}
	return err
}

// kept lists what is there, and removes what an earlier removal has left.
func (s *Source) kept() (all []kept, err error) {
	var errs []error
	for _, pattern := range []string{"checkouts/*/*", "environments/*"} {
		found, err := filepath.Glob(filepath.Join(s.config.Dir, filepath.FromSlash(pattern)))
		errs = append(errs, err)
		for _, dir := range found {
			name := filepath.Base(dir)
			switch filepath.Ext(name) {
			case removed:
				errs = append(errs, os.RemoveAll(dir))
				continue
			case "":
			default:
				continue // a mark, or something that is being made
			}
			lock := "environment-" + name
			if strings.HasPrefix(pattern, "checkouts") {
				lock = "mirror-" + filepath.Base(filepath.Dir(dir))
			}
			k := kept{dir: dir, lock: lock}
			if k.used, k.size, err = measure(dir); err != nil {
				errs = append(errs, err)
				continue
			}
			all = append(all, k)
		}
	}
	return all, errors.Join(errs...)
}

// measure gives when something was last used and how large it is. It does not
// change once it is there, so its size is counted once.
func measure(dir string) (used time.Time, size int64, err error) {
	info, err := os.Stat(dir + usedMark)
	if errors.Is(err, fs.ErrNotExist) {
		info, err = os.Stat(dir) // made, and never used since
	}
	if err != nil {
		return used, 0, err
	}
	used = info.ModTime()
	if text, err := os.ReadFile(dir + usedMark); err == nil {
		if size, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			return used, size, nil
		}
	}
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err == nil {
		err = errors.Join(os.WriteFile(dir+usedMark, strconv.AppendInt(nil, size, 10), 0o600), os.Chtimes(dir+usedMark, used, used))
	}
	return used, size, err
}

// remove takes something away, unless it came into use meanwhile. It gets
// another name first: a removal that is interrupted leaves nothing that looks
// like a whole one.
func (s *Source) remove(ctx context.Context, k kept) error {
	waiting, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	unlock, err := s.locks.lock(waiting, k.lock)
	if err != nil {
		return context.Cause(ctx) // nil: somebody works with it
	}
	defer unlock()
	if used, _, err := measure(k.dir); err != nil || used.After(k.used) {
		return err
	}
	gone := k.dir + removed
	if err := os.RemoveAll(gone); err != nil {
		return err
	}
	if err := os.Rename(k.dir, gone); err != nil {
		return err
	}
	s.config.Logger.Info("removed code that was not used", "directory", filepath.Base(k.dir), "bytes", k.size, "last_used", k.used)
	return errors.Join(os.Remove(k.dir+usedMark), os.RemoveAll(gone))
}
