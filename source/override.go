package source

import (
	"context"
	"slices"

	"github.com/elasticcode/flow/messages"
)

// override puts texts in the place of a module's functions, or adds those that
// are mixed in. Each text is parsed, never run: it must be one function of the
// name that it stands for.
func override(ctx context.Context, python interpreter, m module, functions []*messages.Function, overrides []*messages.Override) ([]*messages.Function, error) {
	const op = "read code"
	for _, o := range overrides {
		subject := "function " + o.GetFunction()
		if len(o.GetCode()) > messages.MaxCode {
			return nil, messages.Errorf(messages.Invalid, op, subject, "it has %d bytes, and %d are the most", len(o.GetCode()), messages.MaxCode)
		}
		found, reason, err := parseFunctions(ctx, python, m, []byte(o.GetCode()))
		switch {
		case err != nil:
			return nil, err
		case reason != "":
			return nil, messages.Errorf(messages.Invalid, op, subject, "Python %s cannot read it: %s", python.Version, reason)
		case len(found) != 1 || found[0].Name != o.GetFunction():
			return nil, messages.Errorf(messages.Invalid, op, subject, "the text must define this function and no other, and it defines: %s", list(o.GetFunction(), namesOf(found)))
		}
		at := slices.IndexFunc(functions, func(f *messages.Function) bool { return f.Name == o.GetFunction() })
		put := found[0]
		put.Code, put.Mixin, put.Source = o.GetCode(), o.GetMixin(), ""
		switch {
		case at < 0 && !o.GetMixin():
			return nil, messages.Errorf(messages.NotFound, op, subject, "module %s has no such function to put it in the place of", m.name).
				WithHint("mix it in as a new function (--mixin), or remove it (--remove); there are: %s", list(o.GetFunction(), namesOf(functions)))
		case at < 0:
			functions = append(functions, put)
		case o.GetMixin():
			return nil, messages.Errorf(messages.Conflict, op, subject, "module %s has this function already", m.name).
				WithHint("without --mixin it is put in that function's place")
		default:
			put.Source = functions[at].Source
			functions[at] = put
		}
	}
	return functions, nil
}

func namesOf(functions []*messages.Function) (names []string) {
	for _, f := range functions {
		names = append(names, f.Name)
	}
	return names
}
