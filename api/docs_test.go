package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

var rewrite = flag.Bool("rewrite", false, "write the answers into docs/API.md")

const document = "../docs/API.md"

// example is a request in the document and the answer that stands below it.
var example = regexp.MustCompile("(?s)```sh\nflow (\\S+) '([^\n]*)'\n```\n```json\n(.*?)\n```")

// CALL KEY stands in the document's source for the id that follows from a key.
var callOf = regexp.MustCompile(`CALL ([\w-]+)`)

// TestExamplesOfTheDocumentAreTrue runs each request of docs/API.md, in order,
// and compares the answer: the same fields with the same values, but for those
// that differ from run to run.
func TestExamplesOfTheDocumentAreTrue(t *testing.T) {
	s := serve(t)
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	found := example.FindAllSubmatchIndex(text, -1)
	if len(found) < 15 {
		t.Fatalf("%s has %d examples", document, len(found))
	}
	var out bytes.Buffer
	end := 0
	for _, at := range found {
		method, request, want := string(text[at[2]:at[3]]), string(text[at[4]:at[5]]), text[at[6]:at[7]]
		if *rewrite {
			request = callOf.ReplaceAllStringFunc(request, func(call string) string {
				return messages.NewCallID(strings.TrimPrefix(call, "CALL "), 1, 0).String()
			})
		}
		s.workers.Wait() // so that no answer depends on how far a worker had got
		_, _, answer := s.post(method, request)
		if strings.Contains(request, "proc1") && method == "Objects/Create" && !strings.Contains(request, "KIND_SOCKET") {
			s.grant("proc1", 3)
		}
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, []byte(answer), "", "  "); err != nil {
			t.Fatalf("%s answers %s", method, answer)
		}
		if *rewrite {
			out.Write(text[end:at[4]])
			out.WriteString(request)
			out.Write(text[at[5]:at[6]])
			out.Write(pretty.Bytes())
			end = at[7]
			continue
		}
		if got, want := masked(t, pretty.Bytes()), masked(t, want); got != want {
			t.Errorf("%s %s\nanswers %s\nthe document says %s", method, request, got, want)
		}
	}
	if *rewrite {
		out.Write(text[end:])
		if err := os.WriteFile(document, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// What differs from run to run: ids of objects, times, encoded details.
var volatile = map[string]bool{"received": true, "started": true, "finished": true, "lastupdated": true, "created": true, "time": true,
	"index": true, "version": true, "since": true, "next": true, "restarted": true, "nextPageToken": true, "value": true, "unusedSince": true}

var uuids = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// masked is a JSON text without what differs.
func masked(t *testing.T, text []byte) string {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	b, _ := json.Marshal(mask("", v))
	return string(b)
}

func mask(name string, v any) any {
	if volatile[name] {
		return "…"
	}
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = mask(k, v[k])
		}
	case []any:
		for i := range v {
			v[i] = mask("", v[i])
		}
	case string:
		if uuids.MatchString(v) {
			return "…"
		}
	case float64:
		return fmt.Sprint(v)
	}
	return v
}
