// Package spread turns the JSON text that a client sends as data into a call's
// arguments by cutting it up: no value is decoded and encoded again, so that
// 2**63+1, 1 and 1.0 arrive as they left.
package spread

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/elasticcode/flow/messages"
)

// MaxDepth is how deep lists and objects may lie in each other. Readers in
// other languages recurse: Python's gives up at about a thousand.
const MaxDepth = 500

// MaxArguments is how many arguments one call may have.
const MaxArguments = 4096

// Data gives the arguments that a JSON text stands for: a list is spread over
// the positional ones, an object over the named ones, anything else is the one
// argument. The arguments share the text's memory. An error is a sentence
// without a subject.
func Data(text []byte) (*messages.Arguments, error) {
	text, err := Value(text)
	if err != nil {
		return nil, err
	}
	switch text[0] {
	case '[':
		return list(text)
	case '{':
		return object(text)
	default:
		return &messages.Arguments{Positional: [][]byte{text}}, nil
	}
}

// Value checks that a text is one JSON value that functions can take, and gives it without the white
// space around it.
func Value(text []byte) ([]byte, error) {
	if messages.IsPlainString(text) {
		return text, nil
	}
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("the data is not valid UTF-8")
	}
	if !json.Valid(text) {
		return nil, syntax(text)
	}
	if depth(text) > MaxDepth {
		return nil, fmt.Errorf("the data is nested deeper than %d levels", MaxDepth)
	}
	if number := infinite(text); number != nil {
		return nil, fmt.Errorf("the number %.40s is beyond what a float can hold: it would arrive as infinity", number)
	}
	return trim(text), nil
}

// Named gives named arguments in the order that messages ask for. Each text is
// one JSON value; the names are each there once.
func Named(texts map[string]string) ([]*messages.NamedValue, error) {
	if len(texts) > MaxArguments {
		return nil, tooMany(len(texts))
	}
	named := make([]*messages.NamedValue, 0, len(texts))
	for name, text := range texts {
		value, err := Value([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("argument %s: %w", name, err)
		}
		named = append(named, &messages.NamedValue{Name: name, Value: value})
	}
	sortByName(named)
	return named, nil
}

// Positional gives positional arguments, each text one JSON value.
func Positional(texts []string) ([][]byte, error) {
	if len(texts) > MaxArguments {
		return nil, tooMany(len(texts))
	}
	positional := make([][]byte, len(texts))
	for i, text := range texts {
		value, err := Value([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		positional[i] = value
	}
	return positional, nil
}

func list(text []byte) (*messages.Arguments, error) {
	elements := members(text)
	if len(elements) > MaxArguments {
		return nil, tooMany(len(elements))
	}
	return &messages.Arguments{Positional: elements}, nil
}

func object(text []byte) (*messages.Arguments, error) {
	pairs := members(text)
	if len(pairs) > MaxArguments {
		return nil, tooMany(len(pairs))
	}
	named := make([]*messages.NamedValue, 0, len(pairs))
	for _, pair := range pairs {
		end := stringEnd(pair)
		var name string
		if err := json.Unmarshal(pair[:end], &name); err != nil {
			return nil, fmt.Errorf("the name %s cannot be read: %w", pair[:end], err)
		}
		value := trim(trim(pair[end:])[1:]) // behind the colon
		named = append(named, &messages.NamedValue{Name: name, Value: value})
	}
	sortByName(named)
	for i := 1; i < len(named); i++ {
		if named[i].Name == named[i-1].Name {
			return nil, fmt.Errorf("the name %q is there twice", named[i].Name)
		}
	}
	return &messages.Arguments{Named: named}, nil
}

// members cuts a valid list or object at its own commas. Each piece is trimmed.
func members(text []byte) [][]byte {
	inside := trim(text[1 : len(text)-1])
	if len(inside) == 0 {
		return nil
	}
	var pieces [][]byte
	level, start := 0, 0
	for i := 0; i < len(inside); i++ {
		switch inside[i] {
		case '"':
			i += stringEnd(inside[i:]) - 1
		case '[', '{':
			level++
		case ']', '}':
			level--
		case ',':
			if level == 0 {
				pieces = append(pieces, piece(inside[start:i]))
				start = i + 1
			}
		}
	}
	return append(pieces, piece(inside[start:]))
}

// piece trims, and sees to it that nobody who appends to one argument writes
// over the next.
func piece(text []byte) []byte { return slices.Clip(trim(text)) }

// stringEnd is the length of the valid JSON string that text begins with,
// quotes included.
func stringEnd(text []byte) int {
	for i := 1; ; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// depth is how deep a valid text nests.
func depth(text []byte) (deepest int) {
	level := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += stringEnd(text[i:]) - 1
		case '[', '{':
			level++
			deepest = max(deepest, level)
		case ']', '}':
			level--
		}
	}
	return deepest
}

// trim takes off what JSON calls white space, which is less than what Unicode does.
func trim(text []byte) []byte { return bytes.Trim(text, " \t\r\n") }

func sortByName(named []*messages.NamedValue) {
	slices.SortFunc(named, func(a, b *messages.NamedValue) int { return strings.Compare(a.Name, b.Name) })
}

func tooMany(n int) error {
	return fmt.Errorf("there are %d arguments, and a call may have %d", n, MaxArguments)
}

// syntax says why a text is not JSON.
func syntax(text []byte) error {
	if len(trim(text)) == 0 {
		return fmt.Errorf("the data is empty, which is not JSON")
	}
	var raw json.RawMessage
	err := json.Unmarshal(text, &raw)
	return fmt.Errorf("the data is not JSON: %w", err)
}
