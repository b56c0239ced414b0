package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// signature is a function's name and parameters, as the model has them.
type signature struct {
	function   string
	parameters []*messages.Object // of kind argument, by position
}

// String writes the signature as Python does.
func (s signature) String() string {
	var b strings.Builder
	b.WriteString(s.function + "(")
	positionalOnly, star := false, false
	for i, p := range s.parameters {
		if i > 0 {
			b.WriteString(", ")
		}
		kind := p.GetArgument().GetKind()
		if positionalOnly && kind != messages.ArgumentKind_POSITIONAL_ONLY {
			b.WriteString("/, ")
		}
		positionalOnly = kind == messages.ArgumentKind_POSITIONAL_ONLY
		switch kind {
		case messages.ArgumentKind_VAR_POSITIONAL:
			star = true
			b.WriteString("*")
		case messages.ArgumentKind_VAR_KEYWORD:
			b.WriteString("**")
		case messages.ArgumentKind_KEYWORD_ONLY:
			if !star {
				star = true
				b.WriteString("*, ")
			}
		}
		b.WriteString(p.Name)
		if p.GetArgument().GetHasDefault() {
			b.WriteString("=" + p.GetArgument().GetDefaultText())
		}
	}
	if positionalOnly {
		b.WriteString(", /")
	}
	b.WriteString(")")
	return b.String()
}

// check says whether a function can be called with arguments, by Python's rules.
func (s signature) check(args *messages.Arguments) error {
	left := len(args.GetPositional())
	named := map[string]bool{} // given by name, and not yet taken by a parameter
	for _, n := range args.GetNamed() {
		named[n.Name] = true
	}
	var missing []string
	takesAny, takesNames := false, false
	for _, p := range s.parameters {
		kind := p.GetArgument().GetKind()
		switch {
		case kind == messages.ArgumentKind_VAR_POSITIONAL:
			takesAny = true
		case kind == messages.ArgumentKind_VAR_KEYWORD:
			takesNames = true
		case left > 0 && kind != messages.ArgumentKind_KEYWORD_ONLY:
			left--
			if named[p.Name] && kind != messages.ArgumentKind_POSITIONAL_ONLY {
				return fmt.Errorf("%s is given twice, by position and by name", p.Name)
			}
		case named[p.Name] && kind != messages.ArgumentKind_POSITIONAL_ONLY:
			delete(named, p.Name)
		case !p.GetArgument().GetHasDefault():
			missing = append(missing, p.Name)
		}
	}
	switch {
	case len(named) > 0 && !takesNames:
		return fmt.Errorf("it takes no argument named %s", strings.Join(sorted(named), ", "))
	case left > 0 && !takesAny:
		given := len(args.GetPositional())
		return fmt.Errorf("it takes %s, and %d came", count(given-left, "positional argument"), given)
	case len(missing) > 0:
		return fmt.Errorf("missing %s", strings.Join(missing, ", "))
	}
	return nil
}

func sorted(names map[string]bool) []string {
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// count writes a number of things: 1 call, 2 calls.
func count[N int | int64](n N, what string) string {
	if n == 1 {
		return fmt.Sprintf("1 %s", what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
