package source

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/elasticcode/flow/messages"
)

// shelf is a source with a clock, and the environments that it has prepared.
type shelf struct {
	*Source
	t   *testing.T
	now time.Time
	r   *repository
}

func newShelf(t *testing.T, keep Retention) *shelf {
	t.Helper()
	offline(t)
	s := &shelf{t: t, now: time.Now(), r: newRepository(t, map[string]string{"m.py": "x = 0\n"})}
	var err error
	if s.Source, err = New(Config{Dir: t.TempDir(), Retention: keep, Now: func() time.Time { return s.now }}); err != nil {
		t.Fatal(err)
	}
	return s
}

// prepare gives the environment of a new commit; kind is a Python comment, so
// that commits of another kind have another environment.
func (s *shelf) prepare(text string) messages.Environment {
	s.t.Helper()
	s.r.commit(text, map[string]string{"m.py": "x = '" + text + "'\n"})
	e, err := s.Prepare(context.Background(), s.r.processor("m"), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

func (s *shelf) retire(inUse ...messages.Environment) {
	s.t.Helper()
	if err := s.Retire(context.Background(), inUse); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) want(there bool, paths ...string) {
	s.t.Helper()
	for _, path := range paths {
		if _, err := os.Stat(path); (err == nil) != there {
			s.t.Errorf("%s: %v, want it there: %v", path, err, there)
		}
	}
}

func TestCodeThatNobodyUsesGoesAfterItsTime(t *testing.T) {
	s := newShelf(t, Retention{})
	old := s.prepare("old")
	s.now = s.now.Add(MaxUnused - time.Hour)
	used := s.prepare("used") // has the old one's environment: that is used again
	s.retire()
	s.want(true, old.Dir, used.Dir, old.Interpreter)
	s.now = s.now.Add(2 * time.Hour)
	s.retire(used)
	s.want(false, old.Dir, old.Dir+usedMark, old.Dir+removed)
	s.want(true, used.Dir, used.Interpreter)
	for range 3 { // in use for longer than anything unused may stay
		s.now = s.now.Add(MaxUnused)
		s.retire(used)
	}
	s.want(true, used.Dir, used.Interpreter)
	s.now = s.now.Add(MaxUnused)
	s.retire()
	s.want(false, used.Dir, used.Interpreter)
	// What is wanted again is made again.
	again := s.prepare("again")
	if got := evaluate(t, again, "m.x"); got != "again" {
		t.Errorf("it gives %s", got)
	}
}

func TestTooMuchUnusedCodeGoesOldestFirst(t *testing.T) {
	s := newShelf(t, Retention{Bytes: 1})
	first := s.prepare("first")
	s.now = s.now.Add(time.Minute)
	second := s.prepare("second")
	s.retire()
	s.want(true, first.Dir, second.Dir) // it may be wanted again in a moment
	s.now = s.now.Add(minUnused - time.Second)
	s.retire()
	s.want(false, first.Dir)
	s.want(true, second.Dir, second.Interpreter)
	s.now = s.now.Add(minUnused)
	s.retire(second)
	s.want(true, second.Dir, second.Interpreter)
}

func TestInterruptedRemovalLeavesNothingThatIsTakenForWhole(t *testing.T) {
	s := newShelf(t, Retention{})
	e := s.prepare("text")
	// As a crash leaves it: under the other name, and half of it gone.
	environment := filepath.Dir(filepath.Dir(e.Interpreter))
	for _, dir := range []string{e.Dir, environment} {
		if err := os.Rename(dir, dir+removed); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(e.Dir+removed, "m.py")); err != nil {
		t.Fatal(err)
	}
	again, err := s.Prepare(context.Background(), s.r.processor("m"), nil)
	if err != nil || again.Dir != e.Dir || evaluate(t, again, "m.x") != "text" {
		t.Errorf("made again: %+v, %v", again, err)
	}
	s.retire(again)
	s.want(false, e.Dir+removed, environment+removed)
	s.want(true, e.Dir, e.Interpreter)
}

func TestCodeThatIsBeingWorkedOnStays(t *testing.T) {
	s := newShelf(t, Retention{})
	e := s.prepare("text")
	s.now = s.now.Add(2 * MaxUnused)
	unlock, err := s.locks.lock(context.Background(), "mirror-"+filepath.Base(filepath.Dir(e.Dir)))
	if err != nil {
		t.Fatal(err)
	}
	s.retire()
	s.want(true, e.Dir)
	unlock()
	s.retire()
	s.want(false, e.Dir)
}
