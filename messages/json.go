package messages

import "encoding/json"

// IsJSON is json.Valid, and sooner done with what most values are.
func IsJSON(text []byte) bool { return IsPlainString(text) || json.Valid(text) }

// IsPlainString says that a text is a JSON string of ASCII characters without an escape.
func IsPlainString(text []byte) bool {
	last := len(text) - 1
	if last < 1 || text[0] != '"' || text[last] != '"' {
		return false
	}
	for _, c := range text[1:last] {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
