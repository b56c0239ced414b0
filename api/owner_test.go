package api

import (
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestRefusalOfALongNameIsText: an error travels as text, wherever the name was cut.
func TestRefusalOfALongNameIsText(t *testing.T) {
	_, err := ownerOf("a"+strings.Repeat("ä", MaxOwner), http.Header{})
	if err == nil || !utf8.ValidString(err.Error()) {
		t.Errorf("a name that is too long: %q", err)
	}
}
