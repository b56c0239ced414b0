// Package literal turns what people type as data into JSON text: JSON stays
// as it is, a Python literal is converted, anything else is a string.
package literal

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/elasticcode/flow/messages"
)

// MaxDepth is how deep a Python literal may nest. Python's own parser stops
// near the same depth.
const MaxDepth = 200

// errNotLiteral says that a text is no Python literal, so it is a plain string.
var errNotLiteral = errors.New("not a Python literal")

// Data gives the JSON text that stands for a text. Valid JSON comes back byte
// for byte, so that no number changes on its way. What is a Python literal but
// has no form in JSON is refused rather than sent as a string by mistake.
func Data(text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", refused(text, "it is not UTF-8 text")
	}
	if json.Valid([]byte(text)) {
		return text, nil
	}
	converted, err := Convert(text)
	if errors.Is(err, errNotLiteral) {
		return Quote(text), nil
	}
	return converted, err
}

// Convert gives the JSON text of a Python literal.
func Convert(text string) (string, error) {
	v, err := parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := v.appendJSON(&b); err != nil {
		return "", err
	}
	return b.String(), nil
}

// Quote gives the JSON text of a string, with no more escapes than JSON needs.
func Quote(text string) string {
	runes := make([]rune, 0, len(text))
	for _, r := range text {
		runes = append(runes, r)
	}
	var b strings.Builder
	appendString(&b, runes)
	return b.String()
}

// refused is the error for data that cannot be sent.
func refused(text, format string, args ...any) error {
	return messages.Errorf(messages.Invalid, "read data", shorten(text), format, args...)
}

// shorten keeps an error readable when the data is large.
func shorten(text string) string {
	const most = 60
	text = strings.ToValidUTF8(text, "\uFFFD")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
