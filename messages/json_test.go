package messages

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"unicode/utf8"
)

// TestAPlainStringIsAStringThatIsValid puts any bytes between two quotes.
func TestAPlainStringIsAStringThatIsValid(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	plain := 0
	for range 100_000 {
		text := []byte{'"'}
		for range rng.IntN(6) {
			c := byte(' ' + rng.IntN('~'-' '+1))
			if rng.IntN(8) == 0 {
				c = byte(rng.IntN(256))
			}
			text = append(text, c)
		}
		if rng.IntN(16) > 0 {
			text = append(text, '"')
		}
		if !IsPlainString(text) {
			continue
		}
		plain++
		var s string
		if err := json.Unmarshal(text, &s); err != nil || !utf8.Valid(text) || s != string(text[1:len(text)-1]) {
			t.Fatalf("%q is called a plain string, and is %q, %v", text, s, err)
		}
	}
	if plain < 10_000 {
		t.Errorf("only %d were plain strings", plain)
	}
	for _, text := range []string{``, `"`, `1`, `"a" `, ` "a"`, `"a","b"`, `"\n"`, `"é"`, "\"\x7f\"", "\"\t\""} {
		if IsPlainString([]byte(text)) {
			t.Errorf("%q is called a plain string", text)
		}
	}
	for _, text := range []string{`""`, `"some data"`} {
		if !IsPlainString([]byte(text)) {
			t.Errorf("%q is not called a plain string", text)
		}
	}
}

// FuzzIsJSON holds it to what encoding/json says.
func FuzzIsJSON(f *testing.F) {
	for _, text := range []string{``, `"`, `""`, `"a"`, `"a" `, `"a","b"`, `"\n"`, `"\ud800"`, "\"\x7f\"", "\"\xff\"", "\"\x00\"", `"\"`, `[[[]]]`, `1e999999`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, want := IsJSON(text), json.Valid(text); got != want {
			t.Fatalf("%q: %v, want %v", text, got, want)
		}
	})
}
