package topic

import (
	"regexp"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, key string
		want         bool
	}{
		{"a.b", "a.b", true},
		{"a.b", "a.b.c", false},
		{"a", "a.b", false},
		{"*", "a", true},
		{"*", "a.b", false},
		{"a.*.c", "a.b.c", true},
		{"a.*.c", "a.c", false},
		{"#", "a.b.c", true},
		{"a.#", "a", true},
		{"a.#", "a.b.c", true},
		{"a.#", "b.a", false},
		{"#.c", "a.b.c", true},
		{"#.c", "c", true},
		{"a.#.c", "a.c", true},
		{"a.#.c", "a.b.b.c", true},
		{"a.#.c", "a.b.c.d", false},
		{"*.#.*", "a", false},
		{"*.#.*", "a.b", true},
		{"#.#", "a", true},
		{"#.b.#.b.#", "a.b.c", false},
		{"#.b.#.b.#", "a.b.c.b", true},
	} {
		if got := Match(c.pattern, c.key); got != c.want {
			t.Errorf("%s matches %s: %v, want %v", c.pattern, c.key, got, c.want)
		}
	}
}

func TestCheck(t *testing.T) {
	for text, why := range map[string]string{
		"": "is empty", "a..b": "word 2", ".a": "word 1", "a.": "word 2", "a b": "spaces", "a.\x07": "control",
		strings.Repeat("a", messages.MaxRoutingKey+1): "255 are the most",
	} {
		for _, err := range []error{CheckKey(text), CheckPattern(text)} {
			if err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("%.20q is refused with %v, want …%s…", text, err, why)
			}
		}
	}
	if err := CheckPattern("a.*.#"); err != nil {
		t.Error(err)
	}
	if err := CheckPattern("a.b*"); err == nil || !strings.Contains(err.Error(), "whole words") {
		t.Errorf("a.b* is refused with %v", err)
	}
	if err := CheckKey("a.*"); err == nil || !strings.Contains(err.Error(), "patterns of sockets") {
		t.Errorf("the key a.* is refused with %v", err)
	}
}

// FuzzMatch holds Match against a regular expression of the same meaning.
func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{{"a.#.b", "a.b"}, {"#.*.#", "a.b.a"}, {"#.a.#.a.#", "a.b.a"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, key string) {
		if CheckPattern(pattern) != nil || CheckKey(key) != nil || len(pattern) > 40 {
			return
		}
		// Each word is written with a dot behind it.
		expression := "^"
		for word := range strings.SplitSeq(pattern, ".") {
			switch word {
			case any:
				expression += `([^.]+\.)*`
			case one:
				expression += `[^.]+\.`
			default:
				expression += regexp.QuoteMeta(word) + `\.`
			}
		}
		if want := regexp.MustCompile(expression + "$").MatchString(key + "."); Match(pattern, key) != want {
			t.Errorf("%q matches %q: %v, want %v", pattern, key, !want, want)
		}
	})
}
