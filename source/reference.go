package source

import (
	"context"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/elasticcode/flow/messages"
)

// hash is a commit's, or enough of its beginning.
var hash = regexp.MustCompile(`^[0-9a-fA-F]{7,40}$`)

const fullHash = 40

// resolve finds the commit that a processor names.
func (m *mirror) resolve(ctx context.Context, p *messages.Processor) (string, error) {
	if c := p.GetCommit(); c != "" {
		return m.resolveCommit(ctx, c)
	}
	if err := m.update(ctx); err != nil {
		return "", err
	}
	if t := p.GetGittag(); t != "" {
		return m.resolveName("tag", t, plumbing.NewTagReferenceName(t), plumbing.ReferenceName.IsTag)
	}
	if b := p.GetBranch(); b != "" {
		return m.resolveName("branch", b, plumbing.NewBranchReferenceName(b), plumbing.ReferenceName.IsBranch)
	}
	r, err := m.repo.Reference(defaultReference, true)
	if err != nil {
		return "", messages.Errorf(messages.NotFound, "read repository", m.address.shown, "its HEAD names a branch that is not there").
			WithHint("name a branch; there are: %s", list("main", m.names(plumbing.ReferenceName.IsBranch)))
	}
	return m.commitOf(r.Hash())
}

func (m *mirror) resolveName(kind, name string, reference plumbing.ReferenceName, all func(plumbing.ReferenceName) bool) (string, error) {
	r, err := m.repo.Reference(reference, true)
	if err != nil {
		return "", messages.Errorf(messages.NotFound, "read repository", m.address.shown, "it has no %s %s", kind, name).
			WithHint("there are: %s", list(name, m.names(all)))
	}
	return m.commitOf(r.Hash())
}

// commitOf follows tags to the commit they name.
func (m *mirror) commitOf(h plumbing.Hash) (string, error) {
	for range 10 { // a tag can name a tag
		tag, err := m.repo.TagObject(h)
		if err != nil {
			break
		}
		h = tag.Target
	}
	if _, err := m.repo.CommitObject(h); err != nil {
		if o, err := m.repo.Object(plumbing.AnyObject, h); err == nil {
			return "", messages.Errorf(messages.Invalid, "read repository", m.address.shown, "%s is a %s, not a commit", h, o.Type())
		}
		return "", fmt.Errorf("%w: %s: %v", errBroken, h, err)
	}
	return h.String(), nil
}

// resolveCommit finds a commit by its hash, or by enough of its beginning. A
// full hash that the mirror has needs no network: it can mean nothing else.
func (m *mirror) resolveCommit(ctx context.Context, text string) (string, error) {
	if !hash.MatchString(text) {
		return "", messages.Errorf(messages.Invalid, "read repository", m.address.shown, "%q is not a commit", text).
			WithHint("a commit is 7 to 40 hexadecimal digits; branches and tags have flags of their own")
	}
	text = strings.ToLower(text)
	if len(text) == fullHash {
		if _, err := m.repo.CommitObject(plumbing.NewHash(text)); err == nil {
			return text, nil
		}
	}
	if err := m.update(ctx); err != nil {
		return "", err
	}
	found, err := m.commitsWith(text)
	if err != nil {
		return "", fmt.Errorf("%w: %v", errBroken, err)
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", messages.Errorf(messages.NotFound, "read repository", m.address.shown, "it has no commit %s", text).
			WithHint("the latest are: %s", m.latest())
	}
	return "", messages.Errorf(messages.Invalid, "read repository", m.address.shown, "commit %s is ambiguous", text).
		WithHint("there are: %s", list(text, found))
}

func (m *mirror) commitsWith(prefix string) ([]string, error) {
	even, err := hex.DecodeString(prefix[:len(prefix)/2*2])
	if err != nil {
		return nil, err
	}
	hashes, err := m.store.HashesWithPrefix(even)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var found []string
	for _, h := range hashes {
		text := h.String()
		if seen[text] || !strings.HasPrefix(text, prefix) {
			continue
		}
		seen[text] = true
		if _, err := m.repo.CommitObject(h); err == nil {
			found = append(found, text)
		}
	}
	return found, nil
}

// latest names the newest commits of the default branch.
func (m *mirror) latest() string {
	r, err := m.repo.Reference(defaultReference, true)
	if err != nil {
		return "none"
	}
	var shown []string
	c, err := m.repo.CommitObject(r.Hash())
	for ; err == nil && len(shown) < 5; c, err = c.Parent(0) {
		shown = append(shown, describe(c))
	}
	return strings.Join(shown, "; ")
}

func describe(c *object.Commit) string {
	subject, _, _ := strings.Cut(c.Message, "\n")
	if len(subject) > 50 {
		subject = subject[:50] + "…"
	}
	return fmt.Sprintf("%.10s %s", c.Hash, strings.ToValidUTF8(subject, "?"))
}
