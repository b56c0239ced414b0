package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/elasticcode/flow/messages"
)

// mirror is a bare copy of a repository, its branches and tags. It is used
// under its lock.
type mirror struct {
	address address
	dir     string
	store   *filesystem.Storage
	repo    *git.Repository
	fresh   bool // it was brought up to date while this lock was held
}

// defaultReference is where a mirror keeps what the repository's HEAD points to.
const defaultReference = plumbing.ReferenceName("refs/flow/default")

// withMirror calls f with a repository's mirror, locked.
func (s *Source) withMirror(ctx context.Context, repository string, f func(*mirror) error) error {
	a, err := parseAddress(repository)
	if err != nil {
		return err
	}
	if err := s.rules.admit(a); err != nil {
		return err
	}
	unlock, err := s.locks.lock(ctx, "mirror-"+a.key())
	if err != nil {
		return messages.Errorf(messages.Unavailable, "read repository", a.shown, "%v", err)
	}
	defer unlock()
	m := &mirror{address: a, dir: filepath.Join(s.config.Dir, "mirrors", a.key()+".git")}
	if err := m.open(); err != nil {
		return m.failure(err)
	}
	err = f(m)
	if !errors.Is(err, errBroken) {
		return err
	}
	// A power cut may leave objects that are not whole: the repository has them all.
	s.config.Logger.Warn("a mirror is broken and is made anew", "repository", a.shown)
	if err := m.remake(); err != nil {
		return m.failure(err)
	}
	return f(m)
}

// errBroken says that a mirror lacks what it should hold.
var errBroken = errors.New("the copy of the repository on this node is broken")

func (m *mirror) open() (err error) {
	m.store = filesystem.NewStorage(osfs.New(m.dir, osfs.WithBoundOS()), cache.NewObjectLRUDefault())
	m.repo, err = git.Open(m.store, nil)
	if errors.Is(err, git.ErrRepositoryNotExists) {
		m.repo, err = git.Init(m.store, nil)
	}
	return err
}

func (m *mirror) remake() error {
	if err := os.RemoveAll(m.dir); err != nil {
		return err
	}
	m.fresh = false
	return m.open()
}

// update fetches all branches and tags, when any has changed.
func (m *mirror) update(ctx context.Context) error {
	if m.fresh {
		return nil
	}
	if err := m.reachable(); err != nil {
		return err
	}
	auth, err := m.address.auth()
	if err != nil {
		return m.failure(err)
	}
	// The remote is never written to the mirror's configuration: it holds credentials.
	r := git.NewRemote(m.store, &config.RemoteConfig{Name: "origin", URLs: []string{m.address.url}})
	refs, err := r.ListContext(ctx, &git.ListOptions{Auth: auth})
	if err != nil {
		return m.failure(err)
	}
	if !m.holds(refs) {
		err := r.FetchContext(ctx, &git.FetchOptions{
			Auth: auth, Tags: git.NoTags, Force: true, Prune: true,
			RefSpecs: []config.RefSpec{"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"},
		})
		if err != nil && !errors.Is(err, git.NoErrAlreadyUpToDate) {
			return m.failure(err)
		}
	}
	m.fresh = true
	return m.setDefault(refs)
}

// holds says whether the mirror has these references and no other branches and tags.
func (m *mirror) holds(refs []*plumbing.Reference) bool {
	there := 0
	for _, r := range refs {
		if !r.Name().IsBranch() && !r.Name().IsTag() || r.Type() != plumbing.HashReference {
			continue
		}
		there++
		if mine, err := m.repo.Reference(r.Name(), false); err != nil || mine.Hash() != r.Hash() {
			return false
		}
	}
	return there == len(m.names(plumbing.ReferenceName.IsBranch))+len(m.names(plumbing.ReferenceName.IsTag))
}

// setDefault records what the repository's HEAD points to.
func (m *mirror) setDefault(refs []*plumbing.Reference) error {
	byName := map[plumbing.ReferenceName]*plumbing.Reference{}
	for _, r := range refs {
		byName[r.Name()] = r
	}
	head := byName[plumbing.HEAD]
	if head != nil && head.Type() == plumbing.SymbolicReference {
		head = byName[head.Target()]
	}
	if head == nil {
		return nil // HEAD names a branch that is not there: a branch must be named
	}
	if err := m.store.SetReference(plumbing.NewHashReference(defaultReference, head.Hash())); err != nil {
		return m.failure(err)
	}
	return nil
}

// reachable says early, and better than the transport, why a repository on this machine is none.
func (m *mirror) reachable() error {
	if m.address.path == "" {
		return nil
	}
	if _, err := os.Stat(m.address.path); err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return messages.Errorf(messages.NotFound, "read repository", m.address.shown, "%v", err).WithHint("%s", pathHint(err))
	}
	if _, err := git.PlainOpenWithOptions(m.address.path, &git.PlainOpenOptions{EnableDotGitCommonDir: true}); errors.Is(err, git.ErrRepositoryNotExists) {
		return messages.Errorf(messages.NotFound, "read repository", m.address.shown, "it is not a git repository").
			WithHint("make it one: git init, git add, git commit")
	}
	return nil
}

// pathHint says what to do about a path of this machine that cannot be read.
func pathHint(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "let the user who runs the nodes read it"
	}
	return "check the path: each node reads it on its own machine; a repository that others serve has an address with https:// or ssh://"
}

// failure is an error of the repository as people may see it.
func (m *mirror) failure(err error) error {
	kind, hint := messages.Unavailable, ""
	var odd *plumbing.UnexpectedError
	switch {
	case errors.As(err, &odd) && errors.Is(odd.Err, plumbing.ErrReferenceNotFound):
		kind, hint = messages.Invalid, "check out a branch in it"
		err = errors.New("its HEAD is detached, at a commit that is the tip of no branch")
	case errors.Is(err, transport.ErrRepositoryNotFound):
		kind, hint = messages.NotFound, "check the address; if it is right, it may need credentials: https://NAME:TOKEN@HOST/PATH"
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		kind, hint = messages.Invalid, "commit something to it first"
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		kind, hint = messages.Denied, "give credentials in the address, https://NAME:TOKEN@HOST/PATH; they are never shown"
	}
	reason := strings.TrimSpace(m.address.hide(err.Error()))
	if len(reason) > 500 {
		reason = reason[:500] + "…"
	}
	return messages.Errorf(kind, "read repository", m.address.shown, "%s", reason).WithHint("%s", hint)
}

// names gives the short names of the mirror's references of one kind.
func (m *mirror) names(kind func(plumbing.ReferenceName) bool) []string {
	iter, err := m.repo.References()
	if err != nil {
		return nil
	}
	defer iter.Close()
	var names []string
	_ = iter.ForEach(func(r *plumbing.Reference) error { // the function never fails
		if kind(r.Name()) {
			names = append(names, r.Name().Short())
		}
		return nil
	})
	return names
}

// tree gives the files of a commit.
func (m *mirror) tree(commit string) (*object.Tree, error) {
	c, err := m.repo.CommitObject(plumbing.NewHash(commit))
	if err != nil {
		return nil, fmt.Errorf("%w: commit %s: %v", errBroken, commit, err)
	}
	tree, err := c.Tree()
	if err != nil {
		return nil, fmt.Errorf("%w: tree of commit %s: %v", errBroken, commit, err)
	}
	return tree, nil
}
