package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/pflag"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	second      = time.Second
	millisecond = time.Millisecond
)

// maxTextFile bounds a file that becomes a field of an object.
const maxTextFile = 64 << 10

type textValue struct{ text string }

func (v *textValue) String() string { return v.text }
func (v *textValue) Type() string   { return "text" }
func (v *textValue) Set(s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("it is not UTF-8 text")
	}
	v.text = s
	return nil
}
func (v *textValue) held(protoreflect.Kind) protoreflect.Value {
	return protoreflect.ValueOfString(v.text)
}

// wholeValue is a number that is not negative.
type wholeValue struct {
	number int64
	given  bool
}

func (v *wholeValue) String() string {
	if !v.given {
		return ""
	}
	return strconv.FormatInt(v.number, 10)
}
func (v *wholeValue) Type() string { return "number" }
func (v *wholeValue) Set(s string) error {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return fmt.Errorf("it must be a whole number from 0 to %d", 1<<31-1)
	}
	v.number, v.given = n, true
	return nil
}
func (v *wholeValue) held(kind protoreflect.Kind) protoreflect.Value {
	if kind == protoreflect.Int32Kind {
		return protoreflect.ValueOfInt32(int32(v.number))
	}
	return protoreflect.ValueOfInt64(v.number)
}

type booleanValue struct{ on, given bool }

func (v *booleanValue) String() string {
	if !v.given {
		return ""
	}
	return strconv.FormatBool(v.on)
}
func (v *booleanValue) Type() string { return "bool" }
func (v *booleanValue) Set(s string) error {
	switch strings.ToLower(s) {
	case "true", "yes", "on", "1":
		v.on = true
	case "false", "no", "off", "0":
		v.on = false
	default:
		return fmt.Errorf("it must be true or false")
	}
	v.given = true
	return nil
}
func (v *booleanValue) held(protoreflect.Kind) protoreflect.Value {
	return protoreflect.ValueOfBool(v.on)
}

// durationValue takes 500ms, 3s, 2m or 1h, and a bare number in a unit of its own.
type durationValue struct {
	bare  time.Duration // what a number without a unit counts
	unit  time.Duration // what the field counts; 0: milliseconds
	time  time.Duration
	given bool
}

func (v *durationValue) String() string {
	if !v.given {
		return ""
	}
	return v.time.String()
}
func (v *durationValue) Type() string { return "duration" }
func (v *durationValue) Set(s string) error {
	d, err := time.ParseDuration(s)
	if n, bad := strconv.ParseFloat(s, 64); bad == nil {
		if n > float64(1<<62/v.bare) {
			return fmt.Errorf("it is too long")
		}
		d, err = time.Duration(n*float64(v.bare)), nil
	}
	if err != nil || d < 0 {
		return fmt.Errorf("it must be a time such as 500ms, 3s or 2m")
	}
	unit := max(v.unit, millisecond)
	if d%unit != 0 {
		return fmt.Errorf("it must be a whole number of %s", map[time.Duration]string{second: "seconds", millisecond: "milliseconds"}[unit])
	}
	v.time, v.given = d, true
	return nil
}
func (v *durationValue) held(protoreflect.Kind) protoreflect.Value {
	return protoreflect.ValueOfInt64(int64(v.time / max(v.unit, millisecond)))
}

// fileValue is the text of a file that people name.
type fileValue struct{ name, text string }

func (v *fileValue) String() string { return v.name }
func (v *fileValue) Type() string   { return "file" }
func (v *fileValue) Set(name string) error {
	text, err := os.ReadFile(name)
	switch {
	case err != nil:
		return err
	case len(text) > maxTextFile:
		return fmt.Errorf("it has %d bytes, and may have %d", len(text), maxTextFile)
	case !utf8.Valid(text):
		return fmt.Errorf("it is not UTF-8 text")
	}
	v.name, v.text = name, string(text)
	return nil
}
func (v *fileValue) held(protoreflect.Kind) protoreflect.Value {
	return protoreflect.ValueOfString(v.text)
}

type choiceValue struct {
	choices []string
	chosen  string
}

func (v *choiceValue) String() string { return v.chosen }
func (v *choiceValue) Type() string   { return strings.Join(v.choices, "|") }
func (v *choiceValue) Set(s string) error {
	for _, c := range v.choices {
		if strings.EqualFold(c, s) {
			v.chosen = c
			return nil
		}
	}
	return fmt.Errorf("it must be one of %s", strings.Join(slices.Sorted(slices.Values(v.choices)), ", "))
}

// held is the word; none is how people write that there is none.
func (v *choiceValue) held(protoreflect.Kind) protoreflect.Value {
	if v.chosen == "none" {
		return protoreflect.ValueOfString("")
	}
	return protoreflect.ValueOfString(v.chosen)
}

// wordsValue is words parted by commas.
type wordsValue struct{ words []string }

func (v *wordsValue) String() string { return strings.Join(v.words, ",") }
func (v *wordsValue) Type() string   { return "words" }
func (v *wordsValue) Set(s string) error {
	v.words = nil
	for word := range strings.SplitSeq(s, ",") {
		if word = strings.TrimSpace(word); word != "" {
			v.words = append(v.words, word)
		}
	}
	return nil
}

// flagChoice gives the words that a flag takes, if it takes one of a few.
func flagChoice(f *pflag.Flag) ([]string, bool) {
	if f == nil {
		return nil, false
	}
	v, ok := f.Value.(*choiceValue)
	if !ok {
		return nil, false
	}
	return v.choices, true
}
