package api

import (
	"testing"

	"github.com/elasticcode/flow/api/spread"
	"github.com/elasticcode/flow/messages"
)

// parameter is one of a function's: its name, kind and default.
func parameter(name string, kind messages.ArgumentKind, standard string) *messages.Object {
	return &messages.Object{Name: name, Kind: messages.Kind_KIND_ARGUMENT, Spec: &messages.Object_Argument{Argument: &messages.Argument{
		Kind: kind, HasDefault: standard != "", DefaultText: standard}}}
}

func TestSignaturesReadAsInPython(t *testing.T) {
	const (
		positional = messages.ArgumentKind_POSITIONAL_ONLY
		either     = messages.ArgumentKind_POSITIONAL_OR_KEYWORD
		rest       = messages.ArgumentKind_VAR_POSITIONAL
		named      = messages.ArgumentKind_KEYWORD_ONLY
		names      = messages.ArgumentKind_VAR_KEYWORD
	)
	functions := map[string]signature{}
	add := func(parameters ...*messages.Object) {
		s := signature{function: "f", parameters: parameters}
		functions[s.String()] = s
	}
	add()
	add(parameter("a", either, ""), parameter("b", either, "0"))
	add(parameter("a", positional, ""), parameter("b", positional, "1"))
	add(parameter("a", positional, ""), parameter("b", either, ""), parameter("c", named, "None"))
	add(parameter("a", either, ""), parameter("args", rest, ""), parameter("b", named, ""))
	add(parameter("a", either, "1"), parameter("kwargs", names, ""))
	add(parameter("a", positional, ""), parameter("kwargs", names, ""))

	for _, test := range []struct{ function, data, why string }{
		{`f()`, `[]`, ``},
		{`f()`, `1`, `it takes 0 positional arguments, and 1 came`},
		{`f()`, `{"a":1}`, `it takes no argument named a`},
		{`f(a, b=0)`, `[1]`, ``},
		{`f(a, b=0)`, `[1,2]`, ``},
		{`f(a, b=0)`, `[1,2,3]`, `it takes 2 positional arguments, and 3 came`},
		{`f(a, b=0)`, `[]`, `missing a`},
		{`f(a, b=0)`, `{"b":1}`, `missing a`},
		{`f(a, b=0)`, `{"b":1,"a":2}`, ``},
		{`f(a, b=0)`, `{"c":1,"a":2,"d":3}`, `it takes no argument named c, d`},
		{`f(a, b=1, /)`, `[1,2]`, ``},
		{`f(a, b=1, /)`, `{"a":1}`, `it takes no argument named a`},
		{`f(a, /, b, *, c=None)`, `[1,2]`, ``},
		{`f(a, /, b, *, c=None)`, `[1,2,3]`, `it takes 2 positional arguments, and 3 came`},
		{`f(a, /, b, *, c=None)`, `[1]`, `missing b`},
		{`f(a, *args, b)`, `[1,2,3]`, `missing b`},
		{`f(a, *args, b)`, `{"a":1,"b":2}`, ``},
		{`f(a=1, **kwargs)`, `{"x":1}`, ``},
		{`f(a=1, **kwargs)`, `[1,2]`, `it takes 1 positional argument, and 2 came`},
		{`f(a, /, **kwargs)`, `{"a":1}`, `missing a`},
	} {
		s, ok := functions[test.function]
		if !ok {
			t.Errorf("no function reads %s", test.function)
			continue
		}
		args, err := spread.Data([]byte(test.data))
		if err != nil {
			t.Fatal(err)
		}
		why := ""
		if err := s.check(args); err != nil {
			why = err.Error()
		}
		if why != test.why {
			t.Errorf("%s with %s: %q, want %q", test.function, test.data, why, test.why)
		}
	}
	twice := functions[`f(a, b=0)`]
	if err := twice.check(&messages.Arguments{Positional: [][]byte{[]byte("1")}, Named: []*messages.NamedValue{{Name: "a", Value: []byte("1")}}}); err == nil {
		t.Error("an argument given twice is taken")
	}
}
