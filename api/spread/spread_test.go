package spread

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestDataIsSpreadWithoutBeingChanged(t *testing.T) {
	for _, test := range []struct{ data, positional, named string }{
		{`["some data"]`, `"some data"`, ``},
		{`[]`, ``, ``},
		{` [ ] `, ``, ``},
		{`{}`, ``, ``},
		{`{"two": 3, "one" : 2}`, ``, `one=2|two=3`},
		{`9223372036854775809`, `9223372036854775809`, ``},
		{`1`, `1`, ``},
		{`1.0`, `1.0`, ``},
		{`1e300`, `1e300`, ``},
		{`"[1,2]"`, `"[1,2]"`, ``},
		{`null`, `null`, ``},
		{"\n[ 1 ,\t1.0, {\"a\" : [1, 2]} , \"x,]\\\"\" ]\n", `1|1.0|{"a" : [1, 2]}|"x,]\""`, ``},
		{`{"a\u0062": [1,{"c":"}"}]}`, ``, `ab=[1,{"c":"}"}]`},
		{`[[1, 2]]`, `[1, 2]`, ``},
		{`["\\"]`, `"\\"`, ``},
		{`{"a":{"b":1,"b":2}}`, ``, `a={"b":1,"b":2}`},
	} {
		args, err := Data([]byte(test.data))
		if err != nil {
			t.Errorf("%s: %v", test.data, err)
			continue
		}
		var named []string
		for _, n := range args.Named {
			named = append(named, n.Name+"="+string(n.Value))
		}
		if got := string(bytes.Join(args.Positional, []byte("|"))); got != test.positional {
			t.Errorf("%s: positional %s, want %s", test.data, got, test.positional)
		}
		if got := strings.Join(named, "|"); got != test.named {
			t.Errorf("%s: named %s, want %s", test.data, got, test.named)
		}
	}
}

func TestWhatIsNotJSONIsRefused(t *testing.T) {
	for data, why := range map[string]string{
		``:                     "empty",
		`  `:                   "empty",
		`NaN`:                  "not JSON",
		`[1, NaN]`:             "not JSON",
		`Infinity`:             "not JSON",
		`['x']`:                "not JSON",
		`[1,]`:                 "not JSON",
		`1 2`:                  "not JSON",
		`01`:                   "not JSON",
		"\"\xff\"":             "UTF-8",
		"\u00a01":              "not JSON",
		`{"a":1,"a":2}`:        `"a" is there twice`,
		`{"a":1,"\u0061":2}`:   `"a" is there twice`,
		nested(MaxDepth + 1):   "deeper",
		many(MaxArguments + 1): "4097 arguments",
	} {
		if args, err := Data([]byte(data)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%.40s: gave %v, %v; want an error with %q", data, args, err, why)
		}
	}
	for _, data := range []string{nested(MaxDepth), many(MaxArguments)} {
		if _, err := Data([]byte(data)); err != nil {
			t.Errorf("%.40s: %v", data, err)
		}
	}
}

func TestNamedAndPositionalTextsAreChecked(t *testing.T) {
	named, err := Named(map[string]string{"b": " 1.0", "a": "2"})
	if err != nil || len(named) != 2 || named[0].Name != "a" || string(named[1].Value) != "1.0" {
		t.Errorf("named: %v, %v", named, err)
	}
	if _, err := Named(map[string]string{"b": "nan"}); err == nil || !strings.Contains(err.Error(), "argument b") {
		t.Errorf("a bad named value gave %v", err)
	}
	if _, err := Positional([]string{"1", "x"}); err == nil || !strings.Contains(err.Error(), "argument 2") {
		t.Errorf("a bad positional value gave %v", err)
	}
}

// FuzzData holds the cutting against encoding/json's own.
func FuzzData(f *testing.F) {
	for _, seed := range []string{`[1, "a,b", {"x":[1,2]}]`, `{"a":1,"b":[{}]}`, `"x"`, `[[[]]]`, `{"\"":"\\"}`, `NaN`, `[1.0,1e5,-0]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		args, err := Data(data)
		var whole json.RawMessage
		if jsonErr := json.Unmarshal(data, &whole); jsonErr != nil {
			if err == nil {
				t.Fatalf("%q is not JSON (%v), and was taken", data, jsonErr)
			}
			return
		}
		if err != nil {
			return // refused for a reason of its own: twice the same name, too deep, not UTF-8
		}
		var elements []json.RawMessage
		var fields map[string]json.RawMessage
		switch {
		case json.Unmarshal(data, &elements) == nil && elements != nil:
			if len(elements) != len(args.Positional) {
				t.Fatalf("%q: %d positional, want %d", data, len(args.Positional), len(elements))
			}
			for i := range elements {
				if !bytes.Equal(elements[i], args.Positional[i]) {
					t.Fatalf("%q: argument %d is %q, want %q", data, i, args.Positional[i], elements[i])
				}
			}
		case json.Unmarshal(data, &fields) == nil && fields != nil:
			if len(fields) != len(args.Named) {
				t.Fatalf("%q: %d named, want %d", data, len(args.Named), len(fields))
			}
			for _, n := range args.Named {
				if !bytes.Equal(fields[n.Name], n.Value) {
					t.Fatalf("%q: %s is %q, want %q", data, n.Name, n.Value, fields[n.Name])
				}
			}
		default:
			if len(args.Positional) != 1 || !bytes.Equal(args.Positional[0], bytes.Trim(data, " \t\r\n")) {
				t.Fatalf("%q: %v", data, args)
			}
		}
	})
}

func nested(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }

func many(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("1,", n), ",") + "]" }
