package source

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/elasticcode/flow/messages/nearest"
)

// maxShown is the most names that an error lists.
const maxShown = 20

// list names what is there, the most like what was asked for first.
func list(asked string, there []string) string {
	if len(there) == 0 {
		return "none"
	}
	type name struct {
		text     string
		distance int
	}
	names := make([]name, 0, len(there))
	for _, text := range there {
		names = append(names, name{text, min(nearest.Distance(asked, text), nearest.Distance(last(asked), last(text)))})
	}
	slices.SortFunc(names, func(a, b name) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.text, b.text))
	})
	var shown []string
	for _, n := range names[:min(len(names), maxShown)] {
		shown = append(shown, n.text)
	}
	text := strings.Join(shown, ", ")
	if more := len(names) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// last is the last part of a path or of a dotted name, which is where people err.
func last(text string) string {
	text = strings.TrimSuffix(text, ".py")
	return text[strings.LastIndexAny(text, "/.")+1:]
}
