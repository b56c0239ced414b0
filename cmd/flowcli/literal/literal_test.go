package literal

import (
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/elasticcode/flow/messages"
)

func TestData(t *testing.T) {
	for text, want := range map[string]string{
		// JSON, byte for byte.
		`9223372036854775809`: `9223372036854775809`,
		`1`:                   `1`,
		`1.0`:                 `1.0`,
		`1e400`:               `1e400`,
		` {"a" : 1.10}`:       ` {"a" : 1.10}`,
		`"HI!!!"`:             `"HI!!!"`,
		`null`:                `null`,
		`{}`:                  `{}`,
		// Python.
		`['some data']`:          `["some data"]`,
		`["it's", None, (1,)]`:   `["it's", null, [1]]`,
		`(1, 2)`:                 `[1, 2]`,
		`1, 'two'`:               `[1, "two"]`,
		`{'one': 2, 'two': 3}`:   `{"one": 2, "two": 3}`,
		`{'a': 1, 'a': 2}`:       `{"a": 2}`,
		`True`:                   `true`,
		`0x10`:                   `16`,
		`-1_000`:                 `-1000`,
		`[.5, 1., 1_0.5_0, 00]`:  `[0.5, 1.0, 10.50, 0]`,
		`'a' "b" r'\c'`:          `"ab\\c"`,
		"'''two\nlines'''":       `"two\nlines"`,
		`'\x41\u00e9\U0001f600'`: `"Aé😀"`,
		`'\ud800'`:               `"\ud800"`,
		"[1, # one\n 2]":         `[1, 2]`,
		// Anything else is a string.
		`HI THERE!`:       `"HI THERE!"`,
		``:                `""`,
		`007`:             `"007"`,
		`1+2`:             `"1+2"`,
		`--1`:             `"--1"`,
		`[1, 2`:           `"[1, 2"`,
		`{a, b}`:          `"{a, b}"`,
		`print('x')`:      `"print('x')"`,
		`f'{x}'`:          `"f'{x}'"`,
		`1.2.3`:           `"1.2.3"`,
		`5 apples`:        `"5 apples"`,
		`NaN is a number`: `"NaN is a number"`,
		`it's`:            `"it's"`,
		"tab\tbell\x07":   `"tab\tbell\u0007"`,
	} {
		got, err := Data(text)
		if err != nil || got != want {
			t.Errorf("Data(%q) = %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestWhatJSONCannotHoldIsRefused(t *testing.T) {
	for text, reason := range map[string]string{
		`NaN`:           "NaN is not JSON",
		`-Infinity`:     "-Infinity is not JSON",
		`[1, NaN]`:      "NaN is not JSON",
		`(1e999,)`:      "1e999 is not JSON",
		`{1, 2}`:        "a set is not JSON",
		`set()`:         "a set is not JSON",
		`b'x'`:          "bytes are not JSON",
		`[rb"x"]`:       "bytes are not JSON",
		`1+2j`:          "a complex number is not JSON",
		`3j`:            "a complex number is not JSON",
		`{1: 2}`:        "keys of an object must be strings",
		`{('a',): 2}`:   "keys of an object must be strings",
		"\xff":          "not UTF-8",
		deep(MaxDepth):  "nests deeper",
		`{'a': {None}}`: "a set is not JSON",
	} {
		_, err := Data(text)
		if !errors.Is(err, messages.Invalid) || !strings.Contains(err.Error(), reason) {
			t.Errorf("Data(%q): %v; want an invalid error with %q", text, err, reason)
		}
	}
}

// deep is a literal that is no JSON and nests depth and one deep.
func deep(depth int) string {
	return strings.Repeat("[", depth+1) + "None" + strings.Repeat("]", depth+1)
}

// pythonCases are read here and by Python itself; both must say the same.
var pythonCases = []string{
	`['some data']`, `["it's", None, (1,)]`, `()`, `(1)`, `(1,)`, `((1),)`, `1,`, `'a',`, `1, 2,`, `( 1 , 2 , )`, `[1,]`, `[,]`, `[1,,2]`, `{,}`,
	`{'a': (1, 2), "b": {}}`, `{'a': 1,}`, `{'a': 1, 'a': 2}`, `{'a' 1}`, `{'a': }`, `{1, 2}`, `{1: 2}`, `set()`, `set(1)`, `set ( )`,
	`None`, `True`, `False`, `none`, `...`, `-True`, `+1`, `- 1`, `-1.5`, `--1`, `1 + 2j`, `1 - 2j`, `-3j`, `1+2`, `1j+2`, `2j`,
	`0`, `00`, `007`, `0_0`, `1_000`, `1__0`, `_1`, `1_`, `0x_ff`, `0XFF`, `0o17`, `0b101`, `0b2`, `0x`, `1.`, `.5`, `.`, `1.e5`, `1e5`, `1E+05`, `1e`, `01.5`, `01e2`, `1.2.3`, `1_0.0_1`, `0.1e-7`,
	`123456789012345678901234567890`, `0xffffffffffffffffffffffff`, `-0`, `-0.0`, `1e999`, `[1e999]`, `5 apples`, `1if`, `1 #c`, `#c`, `1 2`,
	`'a'`, `"a"`, `'''a'''`, `"""a'b"c"""`, `''`, `""""""`, `'a' 'b'`, `'a' b'b'`, `'a'"b"r'\n'`, `u'é'`, `U'x'`, `ur'x'`, `b'x'`, `B"x"`, `bR'x'`, `b'é'`, `f'x'`, `R'\'`, `r'\''`, `r'\\'`,
	`'\a\b\f\n\r\t\v\\\'\"'`, `'\0\12\1234\777'`, `'\x41'`, `'\x4'`, `'\u00e9'`, `'\u00'`, `'\U0001f600'`, `'\U00110000'`, `'\ud83d\ude00'`, `'\ud800'`, `'\q\8'`, `'a\`, `'a`, `'''a'`, `'\` + "\n" + `b'`, "'a\nb'", "'''a\r\nb\rc'''", "'a\tb'",
	"[1,\n2]", "\n[1]\n", "  [1]", "[1] # c\n# d\n", "1\n2", "'a'\n'b'", "('a'\n'b')", "[1, # c\n2]", "\\\n1", "[\\\n1]", "1,\n", "\t1",
	`[1`, `]`, `(`, `)`, `{`, `}`, `[1)`, `"`, `HI THERE!`, `print('x')`, `[print]`, `a.b`, `[*[1]]`, `{**{}}`, `[x for x in y]`, `lambda: 1`, `1 if 2 else 3`, `'a'.b`, `'a'[0]`, `not True`, `[1][0]`, `~1`, `@`, `é`, `'é日本😀'`, `"\""`, `'"'`,
}

const askPython = `
import ast, json, sys, warnings
warnings.simplefilter("ignore")
def plain(v):
    if isinstance(v, tuple) or isinstance(v, list): return [plain(x) for x in v]
    if isinstance(v, dict):
        if not all(isinstance(k, str) for k in v): raise TypeError("key")
        return {k: plain(x) for k, x in v.items()}
    if v is Ellipsis: raise SyntaxError("not data")
    return v
def answer(case):
    try: v = ast.literal_eval(case["text"])
    except Exception: return "string"
    try: want = json.dumps(plain(v), allow_nan=False)
    except SyntaxError: return "string"
    except Exception: return "refused"
    if case["outcome"] != "converted": return "converted to " + want
    got = json.dumps(json.loads(case["json"]))
    return "converted" if got == want else "converted to " + want + ", not to " + got
json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
`

// TestPythonAgrees asks a real Python what each text means to it.
func TestPythonAgrees(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatalf("the product runs Python, and so does this test: %v", err)
	}
	type row struct {
		Text    string `json:"text"`
		Outcome string `json:"outcome"`
		JSON    string `json:"json"`
	}
	var cases []row
	for _, text := range pythonCases {
		got := row{Text: text, Outcome: "converted"}
		var err error
		got.JSON, err = Convert(text)
		switch {
		case errors.Is(err, errNotLiteral):
			got.Outcome = "string"
		case err != nil:
			got.Outcome = "refused"
		}
		cases = append(cases, got)
	}
	question, _ := json.Marshal(cases)
	command := exec.Command(python, "-I", "-c", askPython)
	command.Stdin = strings.NewReader(string(question))
	out, err := command.Output()
	if err != nil {
		t.Fatalf("ask python: %v", err)
	}
	var answers []string
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != len(cases) {
		t.Fatalf("read python's answer: %v", err)
	}
	for i, answer := range answers {
		if answer != cases[i].Outcome {
			t.Errorf("%q: %s %s; Python: %s", cases[i].Text, cases[i].Outcome, cases[i].JSON, answer)
		}
	}
}

func FuzzData(f *testing.F) {
	for _, text := range pythonCases {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Data(text)
		if err != nil {
			return
		}
		if !json.Valid([]byte(got)) || !utf8.ValidString(got) {
			t.Fatalf("Data(%q) = %q, which is not JSON", text, got)
		}
		if json.Valid([]byte(text)) && got != text {
			t.Fatalf("Data(%q) = %q: JSON was changed", text, got)
		}
	})
}
