package model

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/nearest"
)

// Bounds of what an error names.
const (
	MaxNearest    = 5    // names that Nearest gives
	maxListed     = 20   // names that an error lists in full
	maxCandidates = 2000 // names that somebody may have meant: of more, those that begin alike
)

// checkName refuses what cannot be a name.
func checkName(op, name string) *messages.Error {
	switch {
	case name == "":
		return messages.Errorf(messages.Invalid, op, "", "it has no name")
	case len(name) > messages.MaxName:
		return messages.Errorf(messages.Invalid, op, name[:messages.MaxName]+"…", "its name has %d bytes, the most is %d", len(name), messages.MaxName)
	case isID(name):
		return messages.Errorf(messages.Invalid, op, name, "a name may not look like an id")
	}
	if !strings.ContainsFunc(name, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return messages.Errorf(messages.Invalid, op, strings.ToValidUTF8(name, "?"), "its name holds neither a letter nor a digit").
			WithHint("* and the like stand for something else where names are asked for")
	}
	for _, r := range name {
		if r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return messages.Errorf(messages.Invalid, op, strings.ToValidUTF8(name, "?"), "its name holds %q", r).
				WithHint("a name holds no spaces and no control characters")
		}
	}
	return nil
}

// isID says whether s has the form of a UUID: 8-4-4-4-12 hexadecimal digits.
func isID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range s {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if r != '-' {
				return false
			}
		case !strings.ContainsRune("0123456789abcdefABCDEF", r):
			return false
		}
	}
	return true
}

// checkFree refuses a name that another object of the kind has.
func checkFree(view kv.View, op string, o *messages.Object) *messages.Error {
	other := named(view, o.Kind, o.Name)
	if other == nil || other.Id == o.Id {
		return nil
	}
	if other.Status == Deleting {
		return messages.Errorf(messages.Conflict, op, o.Name, "a %s of this name is being deleted", noun(o.Kind)).WithHint("try again in a moment")
	}
	return messages.Errorf(messages.Conflict, op, o.Name, "the name is taken by %s %s", noun(o.Kind), other.Id).
		WithHint("choose another name, or update or delete that %s", noun(o.Kind))
}

// missing is the error for a name that no object of a kind has. It says what
// is there.
func missing(view kv.View, op, subject string, kind messages.Kind, name string) *messages.Error {
	err := messages.Errorf(messages.NotFound, op, subject, "there is no %s %q", noun(kind), name)
	there := candidates(view, kind, name)
	if len(there) == 0 {
		return err.WithHint("there is no %s at all", noun(kind))
	}
	if near := nearestOf(there, name); len(near) > 0 {
		return err.WithHint("nearest: %s", strings.Join(near, ", "))
	}
	return err.WithHint("there are: %s", listed(there))
}

// Nearest gives a few names of a kind that somebody may have meant by a name,
// the closest first; none, when no name is like it.
func Nearest(view kv.View, kind messages.Kind, name string) []string {
	return nearestOf(candidates(view, kind, name), name)
}

// candidates gives the names of a kind that somebody may have meant by a name. A
// typing error must not cost more the more names there are: beside the first of
// all, those are taken that come next to the wrong one in their order.
func candidates(view kv.View, kind messages.Kind, name string) []string {
	prefix := nameKey(kind, "")
	there, more := namesFrom(view, prefix, "", maxCandidates)
	for beginning := name; more && beginning != ""; beginning = beginning[:len(beginning)/2] {
		alike, _ := namesFrom(view, prefix, beginning, maxCandidates)
		there = append(there, alike...)
	}
	slices.Sort(there)
	return slices.Compact(there)
}

// namesFrom gives up to limit names behind a prefix from one on, and says whether
// there are more.
func namesFrom(view kv.View, prefix []byte, first string, limit int) (names []string, more bool) {
	for k := range view.Scan(append(slices.Clone(prefix), first...), kv.PrefixEnd(prefix)) {
		if len(names) == limit {
			return names, true
		}
		names = append(names, string(k[len(prefix):]))
	}
	return names, false
}

// nearestOf leaves out what nobody would mistype so, and what is much farther
// away than the closest: one good guess must not drown among bad ones.
func nearestOf(there []string, name string) []string {
	sortByCloseness(there, name)
	near := slices.Clone(there[:min(len(there), MaxNearest)])
	if len(near) == 0 {
		return nil
	}
	most := min(max(1, len(name)/2), 2*distance(near[0], name)+1)
	return slices.DeleteFunc(near, func(other string) bool { return distance(other, name) > most })
}

// listed gives names for an error: all of them if they are few.
func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	if len(names) > maxListed {
		return strings.Join(names[:maxListed], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

func namesOf(found []*messages.Object) []string {
	out := make([]string, 0, len(found))
	for _, o := range found {
		out = append(out, o.Name)
	}
	return out
}

func sortByCloseness(candidates []string, name string) {
	slices.SortStableFunc(candidates, func(a, b string) int {
		return cmp.Or(cmp.Compare(distance(a, name), distance(b, name)), strings.Compare(a, b))
	})
}

// distance is how many letters have to be changed, added, removed or swapped
// with their neighbour to make one name of the other, without regard to case.
// A name that holds the other is one away: people leave out prefixes.
func distance(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	if a != b && a != "" && b != "" && (strings.Contains(a, b) || strings.Contains(b, a)) {
		return 1
	}
	return nearest.Distance(a, b)
}
