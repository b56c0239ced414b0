// Package topic matches routing keys with the patterns that sockets bind to
// their queues.
//
// A routing key is words separated by dots, like eu.orders.new. A pattern may
// have * in the place of one word, and # in the place of any number of them,
// none included: *.orders.# matches eu.orders and eu.orders.new.
package topic

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/elasticcode/flow/messages"
)

const (
	one = "*"
	any = "#"
)

// CheckKey says why a text is no routing key; nil: it is one.
func CheckKey(key string) error { return check("routing key", key, false) }

// CheckPattern says why a text is no pattern; nil: it is one.
func CheckPattern(pattern string) error { return check("pattern", pattern, true) }

func check(what, text string, wild bool) error {
	switch {
	case text == "":
		return fmt.Errorf("the %s is empty", what)
	case len(text) > messages.MaxRoutingKey:
		return fmt.Errorf("the %s has %d bytes, and %d are the most", what, len(text), messages.MaxRoutingKey)
	}
	for i, word := range strings.Split(text, ".") {
		switch {
		case word == "":
			return fmt.Errorf("word %d of the %s %q is empty: words are separated by single dots", i+1, what, text)
		case wild && (word == one || word == any):
		case strings.ContainsAny(word, one+any) && wild:
			return fmt.Errorf("word %d of the pattern %q is %q: * and # stand for whole words", i+1, text, word)
		case strings.ContainsAny(word, one+any):
			return fmt.Errorf("word %d of the routing key %q is %q: * and # are for the patterns of sockets", i+1, text, word)
		}
		for _, r := range word {
			if r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r) {
				return fmt.Errorf("the %s %q holds %q: no spaces and no control characters", what, text, r)
			}
		}
	}
	return nil
}

// Match says whether a pattern matches a routing key. It takes time in the
// product of their words, whatever they are.
func Match(pattern, key string) bool {
	words := strings.Split(key, ".")
	// matched[i]: the pattern so far matches the first i words.
	matched := make([]bool, len(words)+1)
	matched[0] = true
	for part := range strings.SplitSeq(pattern, ".") {
		if part == any {
			for i := range words {
				matched[i+1] = matched[i+1] || matched[i]
			}
			continue
		}
		for i := len(words); i > 0; i-- {
			matched[i] = matched[i-1] && (part == one || part == words[i-1])
		}
		matched[0] = false
	}
	return matched[len(words)]
}
