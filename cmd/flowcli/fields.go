package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/messages"
)

// field is one thing about an object that people set.
type field struct {
	path     string // where it stands in an object: processor.gitrepo, requested_status
	long     string // its flag
	short    string // the flag's short form, or none
	usage    string
	form     form
	choices  []string
	initial  string // what add sets when the flag is absent
	required bool   // add cannot do without
	only     only   // the one verb that has it
}

// form is how a field's value is written.
type form int

const (
	asText     form = iota
	asWhole         // a whole number, not negative
	asBoolean       // true or false
	asSwitch        // alone it means true
	asSeconds       // a duration; a bare number is seconds
	asMillis        // a duration; a bare number is milliseconds
	asInterval      // a duration, kept in whole seconds
	asTextFile      // the name of a file, whose text is kept
	asChoice        // one of a few words
	asWords         // words parted by commas; none: an empty text
)

// value makes the flag's value; it checks what people type.
func (f field) value() pflag.Value {
	switch f.form {
	case asWhole:
		return &wholeValue{}
	case asBoolean, asSwitch:
		return &booleanValue{}
	case asSeconds:
		return &durationValue{bare: second}
	case asMillis:
		return &durationValue{bare: millisecond}
	case asInterval:
		return &durationValue{bare: second, unit: second}
	case asTextFile:
		return &fileValue{}
	case asChoice:
		return &choiceValue{choices: f.choices}
	case asWords:
		return &wordsValue{}
	}
	return &textValue{}
}

// only is the one verb that takes a field; none: both add and update do.
type only int

const (
	onAdd only = iota + 1
	onUpdate
)

// fieldsOf are the fields that a verb takes. Update needs none of them.
func fieldsOf(t thing, verb only) []field {
	var list []field
	for _, f := range t.fields {
		if f.only != 0 && f.only != verb {
			continue
		}
		f.required = f.required && verb == onAdd
		list = append(list, f)
	}
	return list
}

// define adds the fields' flags to a command.
func define(flags *pflag.FlagSet, fields []field) {
	for _, f := range fields {
		usage := f.usage
		if f.required {
			usage += " [required]"
		}
		flag := flags.VarPF(f.value(), f.long, "", usage)
		if f.form == asSwitch {
			flag.NoOptDefVal = "true"
		}
		if f.short != "" {
			argv.Short(flags, f.long, f.short)
		}
	}
}

// fill puts the flags that were given into an object, and gives their paths.
func fill(cmd *cobra.Command, fields []field, object *messages.Object) (paths []string, err error) {
	for _, f := range fields {
		flag := cmd.Flags().Lookup(f.long)
		if flag == nil || !flag.Changed {
			continue
		}
		if err := set(object, f.path, flag.Value); err != nil {
			return nil, err
		}
		paths = append(paths, f.path)
	}
	return paths, nil
}

// fillInitial sets what add sets when its flag is absent.
func fillInitial(cmd *cobra.Command, fields []field, object *messages.Object) error {
	for _, f := range fields {
		flag := cmd.Flags().Lookup(f.long)
		if f.initial == "" || flag == nil || flag.Changed {
			continue
		}
		value := f.value()
		if err := value.Set(f.initial); err != nil {
			return err
		}
		if err := set(object, f.path, value); err != nil {
			return err
		}
	}
	return nil
}

// missing names the flags that add needs and did not get.
func missing(cmd *cobra.Command, fields []field) error {
	var names []string
	for _, f := range fields {
		if flag := cmd.Flags().Lookup(f.long); f.required && (flag == nil || flag.Value.String() == "") {
			name := "--" + f.long
			if f.short != "" {
				name = "-" + f.short + "/" + name
			}
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "it needs %s", strings.Join(names, " and ")).
		WithHint("see %s --help", cmd.CommandPath())
}

// holder is a flag's value that knows what it stands for in a message.
type holder interface {
	held(protoreflect.Kind) protoreflect.Value
}

// set puts a value where a path leads: a field of the object, or of its spec.
func set(object *messages.Object, path string, value pflag.Value) error {
	at := object.ProtoReflect()
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		step := at.Descriptor().Fields().ByName(protoreflect.Name(name))
		if step == nil {
			return fmt.Errorf("set %s: an object has no %s", path, name)
		}
		at = at.Mutable(step).Message()
	}
	last := at.Descriptor().Fields().ByName(protoreflect.Name(names[len(names)-1]))
	if last == nil {
		return fmt.Errorf("set %s: there is no such field", path)
	}
	if words, ok := value.(*wordsValue); ok {
		list := at.NewField(last)
		for _, word := range words.words {
			list.List().Append(protoreflect.ValueOfString(word))
		}
		at.Set(last, list)
		return nil
	}
	at.Set(last, value.(holder).held(last.Kind()))
	return nil
}

// without leaves out the fields with some flags.
func without(fields []field, longs ...string) []field {
	var rest []field
	for _, f := range fields {
		if !slices.Contains(longs, f.long) {
			rest = append(rest, f)
		}
	}
	return rest
}
