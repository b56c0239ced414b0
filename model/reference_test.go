package model

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// decision is one row of the list in docs/MODEL.md.
type decision struct {
	column string // Class.column of the reference
	what   string // kept, renamed or dropped
	field  string // Message.field, unless it was dropped
	why    string
}

var row = regexp.MustCompile("^\\| `(\\w+\\.\\w+)` \\| (\\w+) \\| (?:`(\\w+\\.\\w+)`|–) \\| (.*) \\|$")

func decisions(t *testing.T) (found []decision) {
	t.Helper()
	text, err := os.ReadFile("../docs/MODEL.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if m := row.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
			found = append(found, decision{m[1], m[2], m[3], m[4]})
		} else if strings.HasPrefix(line, "| `") && strings.Contains(line, "Model.") {
			t.Errorf("not understood: %s", line)
		}
	}
	return found
}

// TestEveryColumnOfTheReferenceIsDecided compares docs/MODEL.md with the list
// of the reference's classes and columns.
func TestEveryColumnOfTheReferenceIsDecided(t *testing.T) {
	text, err := os.ReadFile("testdata/reference.txt")
	if err != nil {
		t.Fatal(err)
	}
	reference := strings.Fields(string(text))
	var decided []string
	for _, d := range decisions(t) {
		if slices.Contains(decided, d.column) {
			t.Errorf("%s is decided twice", d.column)
		}
		if !slices.Contains(reference, d.column) {
			t.Errorf("%s is not in the reference", d.column)
		}
		decided = append(decided, d.column)
	}
	for _, column := range reference {
		if !slices.Contains(decided, column) {
			t.Errorf("%s is not decided", column)
		}
	}
}

// TestWhatIsKeptExists looks for each kept or renamed column in the messages.
func TestWhatIsKeptExists(t *testing.T) {
	for _, d := range decisions(t) {
		_, column, _ := strings.Cut(d.column, ".")
		message, field, _ := strings.Cut(d.field, ".")
		switch d.what {
		case "dropped":
			if d.field != "" || d.why == "" {
				t.Errorf("%s is dropped: want a reason and no field, not %q and %q", d.column, d.why, d.field)
			}
			continue
		case "kept":
			if field != column {
				t.Errorf("%s is said to be kept, but became %s", d.column, d.field)
			}
		case "renamed":
			if d.why == "" {
				t.Errorf("%s is renamed without a reason", d.column)
			}
		default:
			t.Errorf("%s: %q is no decision", d.column, d.what)
		}
		if !exists(message, field) {
			t.Errorf("%s is %s as %s, which the messages do not have", d.column, d.what, d.field)
		}
	}
}

func exists(message, field string) bool {
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName("flow.v1." + message))
	if err != nil {
		return false
	}
	descriptor, ok := found.(protoreflect.MessageDescriptor)
	return ok && descriptor.Fields().ByName(protoreflect.Name(field)) != nil
}
