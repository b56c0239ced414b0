package document

import (
	"encoding/json"
	"strings"
	"testing"
)

var sample = Object{
	{"z", "first"},
	{"number", json.RawMessage(`9223372036854775809`)},
	{"larger", json.RawMessage(`118059162071741130342400`)},
	{"float", json.RawMessage(`[1, 1.0, 1e5, -0.10]`)},
	{"html", "<a&b>"},
	{"none", nil},
	{"yes", true},
	{"looks", []string{"yes", "1", "null", ""}},
	{"empty", []Object{}},
	{"nested", Object{{"a", 1}}},
	{"lines", "one\ntwo"},
}

func TestJSONKeepsOrderAndNumbers(t *testing.T) {
	var b strings.Builder
	if err := WriteJSON(&b, sample); err != nil {
		t.Fatal(err)
	}
	want := `{
  "z": "first",
  "number": 9223372036854775809,
  "larger": 118059162071741130342400,
  "float": [
    1,
    1.0,
    1e5,
    -0.10
  ],
  "html": "<a&b>",
  "none": null,
  "yes": true,
  "looks": [
    "yes",
    "1",
    "null",
    ""
  ],
  "empty": [],
  "nested": {
    "a": 1
  },
  "lines": "one\ntwo"
}
`
	if b.String() != want {
		t.Errorf("got %s", b.String())
	}
}

func TestYAMLKeepsOrderAndNumbers(t *testing.T) {
	var b strings.Builder
	if err := WriteYAML(&b, sample); err != nil {
		t.Fatal(err)
	}
	want := `z: first
number: 9223372036854775809
larger: 118059162071741130342400
float:
  - 1
  - 1.0
  - 1e5
  - -0.10
html: <a&b>
none: null
"yes": true
looks:
  - "yes"
  - "1"
  - "null"
  - ""
empty: []
nested:
  a: 1
lines: |-
  one
  two
`
	if b.String() != want {
		t.Errorf("got %s", b.String())
	}
}

func TestBrokenJSONIsAnError(t *testing.T) {
	if err := WriteJSON(&strings.Builder{}, Object{{"result", json.RawMessage(`{`)}}); err == nil {
		t.Error("half an object was written")
	}
}
